"""Text: tokens, word vectors and what is computed on them."""
