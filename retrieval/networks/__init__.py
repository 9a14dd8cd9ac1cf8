"""Networks: their weights, converted or from their sources, and what runs them."""
