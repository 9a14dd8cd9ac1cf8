"""Embeddings in two dimensions, to be drawn."""
