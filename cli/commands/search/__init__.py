"""Commands that look for faces and texts, and show what was seen."""
