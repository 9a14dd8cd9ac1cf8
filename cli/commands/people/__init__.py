"""Commands about whose face it is."""
