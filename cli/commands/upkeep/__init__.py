"""Commands for a collection's life."""
