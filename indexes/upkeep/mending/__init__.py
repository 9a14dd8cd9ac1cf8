"""Damaged rows of the catalog: proved, made again from files, or named."""
