"""Drawn people and the papers of an invented village, to try the toolkit on; owned by nobody."""
