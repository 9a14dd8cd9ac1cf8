"""Plain text: paragraphs stand between blank lines, or one in each long line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from retrieve.documents.divided import join_divided
from retrieve.documents.lines import Line, Source, numbered

# Nobody wraps lines by hand beyond this: longer ones are whole paragraphs.
_WRAPPED_CHARACTERS = 150
_SAMPLE_LINES = 200


def read_plain(text: str) -> Source:
    """Lines of a plain text with their numbers; words that were divided between two are whole."""
    return Source(_lines(join_divided(text)))


def _lines(text: str) -> Iterator[Line]:
    sample = islice(numbered(text), _SAMPLE_LINES)
    whole = max((len(line) for _, line in sample), default=0) > _WRAPPED_CHARACTERS
    begins = True
    for number, line in numbered(text):
        if line.isspace() or not line:
            begins = True
        else:
            yield Line(line, begins=begins, line=number)
            begins = whole
