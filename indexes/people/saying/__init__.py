"""What is said of faces: what a line moves, what holds then, and how it is taken back."""
