"""Several shards made one: small ones that many runs have left."""
