"""Faces as records in files: four formats that hold the same fields (records.py)."""
