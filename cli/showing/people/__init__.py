"""Persons, what was said of them and who is who, as people read it and as programs do."""
