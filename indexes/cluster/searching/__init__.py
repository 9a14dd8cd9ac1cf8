"""Search over shards: each answers for itself, and what they say is made one answer."""
