"""Whether words stand in a text side by side, in order, as they were said.

Case, accents and the marks between words make no difference, inflection and small words do.
"""

from __future__ import annotations

import unicodedata

from retrieve.text.cutting import GLUED, letters_of, parts_of, placed_chunks
from retrieve.text.readable import readable, typed

Place = tuple[int, int]


def places(phrase: str, text: str) -> list[Place]:
    """(start, end) of each place where a phrase stands in a text; [] if in none."""
    wanted = [said for said, _ in _spoken(phrase)]
    found = _spoken(text)
    said = [one for one, _ in found]
    length = len(wanted)
    return [
        (found[at][1][0], found[at + length - 1][1][1])
        for at in range(len(said) - length + 1)
        if length and said[at : at + length] == wanted
    ]


def _spoken(text: str) -> list[tuple[str, Place]]:
    """The words of a text as they are typed without marks; letters where a script has no blanks."""
    plain_text, at = readable(text)
    found = []
    for match in placed_chunks(plain_text):
        for part in parts_of(match[0]):
            start = match.start() + part.start
            whole = [(0, len(part.text))]
            for first, end in letters_of(part.text) if GLUED.search(part.text) else whole:
                said = typed(unicodedata.normalize("NFC", part.text[first:end]).lower())
                place = (start + first, start + end)
                found.append((said, place if at is None else (at[place[0]], at[place[1] - 1] + 1)))
    return found
