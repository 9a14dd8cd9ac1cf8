"""HTML → text: headings become titles; scripts, styles and navigation are dropped."""

from __future__ import annotations

import html
import re

_INVISIBLE = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def strip_tags(fragment: str) -> str:
    """The text of a small piece of HTML, with as many line breaks as before."""
    text = _INVISIBLE.sub(lambda found: "\n" * found[0].count("\n"), fragment)
    return html.unescape(_TAG.sub(lambda found: " " + "\n" * found[0].count("\n"), text))
