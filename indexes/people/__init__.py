"""Who is who: what people said of faces, groups of faces, and whose face a new one is."""
