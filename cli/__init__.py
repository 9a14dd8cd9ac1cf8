"""The command line: what talks to people."""
