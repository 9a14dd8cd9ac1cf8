"""Word vectors: their file, sums of words, inflections."""
