"""A cluster's life: check, repair, forget, compact, back up, restore, copy, move."""
