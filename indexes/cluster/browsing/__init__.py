"""Photos, faces and texts of all shards one after the other, and each by its id: no search."""
