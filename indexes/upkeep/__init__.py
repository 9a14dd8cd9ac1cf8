"""A collection's life: check, repair, forget, compact, back up, restore."""
