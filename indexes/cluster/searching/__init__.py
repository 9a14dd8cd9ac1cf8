"""Search over the shards of a cluster."""
