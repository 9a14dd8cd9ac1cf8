"""Words in pictures that a collection has already: read from the files, kept as passages."""
