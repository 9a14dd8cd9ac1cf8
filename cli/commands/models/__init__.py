"""Commands about the networks themselves."""
