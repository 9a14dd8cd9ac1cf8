"""Commands of clusters: one collection in many shards."""
