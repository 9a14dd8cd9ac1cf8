"""Texts → classes with calibrated probabilities."""
