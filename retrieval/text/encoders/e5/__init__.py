"""The encoder of a hundred languages, from the file of another package."""
