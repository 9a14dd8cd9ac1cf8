"""Commands that continue a text or tell its class."""
