"""Nearest neighbours in one space: exact, product-quantised, on a GPU; the cache of indexes."""
