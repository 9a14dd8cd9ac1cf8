"""How words and meaning together order passages."""
