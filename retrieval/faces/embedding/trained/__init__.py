"""Embedders that users trained: their files, the graphs that these fill, heads on others."""
