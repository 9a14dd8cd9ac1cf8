"""Protocols and metrics: numbers in, numbers out."""
