"""One format of document a file: its bytes become lines."""
