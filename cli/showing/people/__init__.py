"""Who is who, as people read it and as programs do."""
