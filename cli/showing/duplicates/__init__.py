"""Photos that are there more than once, as people read them, as a page, and as programs do."""
