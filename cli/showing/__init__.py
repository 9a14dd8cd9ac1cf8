"""The only code that prints: tables, JSON, pages, pictures."""
