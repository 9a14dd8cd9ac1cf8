"""Files in: the walk, the processes that read, the batches that are stored."""
