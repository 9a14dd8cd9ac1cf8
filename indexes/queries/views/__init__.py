"""What a query sees of passages: those of one collection, or of the shards of a cluster."""
