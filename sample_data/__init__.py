"""Drawn people: albums to try the toolkit on, made by code and owned by nobody."""
