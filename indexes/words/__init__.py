"""Stores of word vectors by name, and the search in them."""
