"""Forgetting over a cluster: in each copy of each shard, in its log, in its manifest."""
