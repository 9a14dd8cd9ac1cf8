"""Faces: photograph → boxes and landmarks → aligned crops → embeddings."""
