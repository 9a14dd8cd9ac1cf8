"""Questions → hits: faces of probe photos, words, and both together."""
