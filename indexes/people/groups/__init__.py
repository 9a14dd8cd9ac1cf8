"""Faces into people, unlabelled: two passes over a graph of nearest neighbours, over arrays."""
