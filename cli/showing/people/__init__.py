"""Persons and what was said of them, as people read it and as programs do."""
