"""What reading the words in pictures is worth, on photos that are made by code."""
