"""What makes text encoders: ours, by pairs of texts and two losses, and e5 out of its package."""
