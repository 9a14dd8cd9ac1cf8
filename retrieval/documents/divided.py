"""Words that were divided at the end of a line, made whole again.

A hyphen there says too little: ace-/quia is one word and franco-/español two. The shipped
Spanish vocabulary tells them apart; what it does not know is taken for one divided word.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

from retrieve.text.words.vectors import WordVectors, open_vectors

# Hyphen, soft hyphen, and the sign that readers of scans write for it; then the next line,
# in a quotation too, with a word and the marks behind it.
_DIVIDED = re.compile(
    "([-\u2010\u00ad\u00ac])[ \t]*(\r\n?|\n)([ \t\f]*(?:>[ \t]*)*)([^\\W\\d_]+)([^\\w\\s]*)[ \t]?"
)
_NEVER_WRITTEN = "\u00ad\u00ac"  # where a word is not divided
_LETTERS = re.compile(r"[^\W\d_]+\Z")
_LONGEST_WORD = 40
_LONGEST_TOKEN = 100
_NO_WORD = re.compile(r"\A-|[/\\@_.\d]")  # an address, an option, a name of a file
# "pre- y posguerra" leaves out the end of a word: there is nothing to join.
_SUSPENDING = frozenset("y e o u ni i and or und oder et ou og och en of".split())  # noqa: SIM905
_SHORTEST_PART = 3  # letters of a word in a compound
_PREFIXES = frozenset(
    "ante anti auto contra entre extra inter intra para post pro sobre super".split()  # noqa: SIM905
)
_NOTHING = "\u200b"  # holds a line's place: an empty one would end the paragraph


def join_divided(text: str) -> str:
    """A text whose divided words stand whole at the end of the upper line.

    It has as many lines as before, so that their numbers stay true. For a format without
    lines of its own (`<br>`), give it line feeds and make blanks of them afterwards.
    """
    parts: list[str] = []
    end = 0
    for found in _DIVIDED.finditer(text):
        mark, feed, margin, after, behind = found.groups()
        at = found.start()
        before = _LETTERS.search(text, max(end, at - _LONGEST_WORD), at)
        if before is None or _NO_WORD.search(_token(text, max(end, at - _LONGEST_TOKEN), at)):
            continue
        between = _between(before[0], mark, after)
        if between is None:
            continue
        rest = "" if text[found.end() : found.end() + 1].strip() else _NOTHING
        parts += [text[end:at], between, after, behind, feed, margin, rest]
        end = found.end()
    return "".join([*parts, text[end:]]) if parts else text


def _token(text: str, low: int, end: int) -> str:
    """What stands before a place without a blank."""
    near = text[low:end]
    return near[max(near.rfind(" "), near.rfind("\n"), near.rfind("\t")) + 1 :]


def _between(before: str, mark: str, after: str) -> str | None:
    """What belongs between the parts: nothing, a hyphen, or None where they are not joined."""
    if mark in _NEVER_WRITTEN:
        return ""
    if after.lower() in _SUSPENDING:
        return None
    if not after.islower() and not (len(before) > 1 and (before + after).isupper()):
        return "-"  # Castilla-La Mancha
    one, two = before.lower(), after.lower()
    if _is_known(one + two) or one in _PREFIXES or min(len(one), len(two)) < _SHORTEST_PART:
        return ""
    return "-" if _is_known(one) and _is_known(two) else ""


@lru_cache(1 << 16)
def _is_known(word: str) -> bool:
    return word in _vocabulary()


@cache
def _vocabulary() -> WordVectors:
    """The shipped words; they are mapped from their file, so that it takes 2 MB."""
    path = Path(str(resources.files("retrieve.text") / "data" / "es.safetensors"))
    return open_vectors(path, check=False)
