"""Photos that are there more than once: the same pixels, one picture edited, bursts, one scene."""
