"""Files of text → passages: one file a format, `read.py` is the entry."""
