"""Texts → embeddings, an encoder a file."""
