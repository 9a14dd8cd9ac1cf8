"""What makes word vectors: one step of the recipe a module, `recipe` puts them in order."""
