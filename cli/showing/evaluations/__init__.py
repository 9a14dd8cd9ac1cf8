"""What an embedder is worth on labelled photos: tables, JSON, pictures and a page."""
