"""Embeddings drawn in two dimensions, as pictures and as pages."""
