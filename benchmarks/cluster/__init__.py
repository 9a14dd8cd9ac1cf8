"""A cluster beside one collection of the same: what it costs, and what it finds."""
