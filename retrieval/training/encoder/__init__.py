"""What makes a text encoder: pairs of texts, two losses, and the recipe that uses them."""
