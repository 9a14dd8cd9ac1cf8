"""What the embedder of whole photos ships with: its network, and the space of its embeddings."""
