"""`retrieve evaluate`: a measure a file."""
