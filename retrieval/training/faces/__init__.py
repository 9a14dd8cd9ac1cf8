"""Training embedders of faces: crops and who they show in, one file of weights out."""
