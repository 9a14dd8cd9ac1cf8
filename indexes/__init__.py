"""Vectors → hits: a collection on disk keeps embeddings and finds them again."""
