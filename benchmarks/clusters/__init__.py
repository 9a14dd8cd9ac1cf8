"""How well, and how fast, faces are grouped into people."""
