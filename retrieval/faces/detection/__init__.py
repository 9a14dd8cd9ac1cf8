"""Photos → boxes and landmarks, a detector a file."""
