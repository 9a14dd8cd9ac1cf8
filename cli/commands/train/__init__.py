"""`retrieve train`: a model a file."""
