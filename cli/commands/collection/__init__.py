"""Commands that fill a collection and tell what it holds."""
