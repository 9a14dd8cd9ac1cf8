"""Files into the shards of a cluster: the walk cut into segments, each indexed by a task."""
