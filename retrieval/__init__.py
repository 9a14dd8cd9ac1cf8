"""Things → vectors: photographs and texts become embeddings. No index, no printing."""
