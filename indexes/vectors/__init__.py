"""The append-only files of embeddings, their rows, checksums and spaces."""
