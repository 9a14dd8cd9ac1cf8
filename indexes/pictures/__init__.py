"""Whole photos: what they show, stored with their embeddings, and searched."""
