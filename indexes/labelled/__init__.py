"""Labelled photos: who is in them, their faces as they are and damaged, what these are worth."""
