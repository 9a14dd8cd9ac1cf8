"""Whether two pictures are one, changed: marks in small grey copies, and what lies between them."""
