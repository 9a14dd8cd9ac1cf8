"""What SQLite holds, the truth about what exists: contents, paths, passages, persons."""
