"""A cluster: one collection in many, each an ordinary one, that several machines work at."""
