"""Photos → the words that are written in them: detected, recognised, put into reading order."""
