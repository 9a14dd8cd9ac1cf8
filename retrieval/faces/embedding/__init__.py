"""Faces and landmarks → aligned crops → embeddings."""
