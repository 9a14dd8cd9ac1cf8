"""The language model, its pieces and what it writes."""
