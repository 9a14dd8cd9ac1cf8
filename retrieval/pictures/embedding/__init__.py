"""What a whole photo shows: an embedding that look-alikes share, and classes of things."""
