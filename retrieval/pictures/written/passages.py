"""Lines that were read off a picture → passages, with the place of each line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from retrieve.documents.divided import join_divided
from retrieve.documents.lines import clean
from retrieve.documents.passages import MAX_WORDS, MIN_WORDS, count_words
from retrieve.pictures.written.read import WrittenLine
from retrieve.types import OCR, Passage, Written

ENDS = (".", "!", "?", "…", ":", ".»", ".”", '."')  # of a line after which a passage may end
DIGITS = 3  # of a confidence


def passages_of(
    lines: Sequence[WrittenLine], *, scale: float, page: int | None = None
) -> list[Passage]:
    """One passage of a photo with some words in it, several of a page that is full of them; []
    of one without.

    lines  in reading order
    scale  pixels that were read for one of what boxes are told in: photo pixels, or points of a
           page
    page   of a paged document, 1 for the first

    Words that are divided at a line's end are whole in the first of both lines.
    """
    if not lines:
        return []
    whole = join_divided("\n".join(clean(line.text) for line in lines)).split("\n")
    pieces = [(text, line) for text, line in zip(map(clean, whole), lines, strict=True) if text]
    return [_passage(part, scale, page) for part in _packed(pieces)]


def _packed(pieces: Sequence[tuple[str, WrittenLine]]) -> list[list[tuple[str, WrittenLine]]]:
    """Rows of lines in groups of up to MAX_WORDS words, each of which ends with a sentence, if one
    ends where it is long enough.
    """
    parts: list[list[tuple[str, WrittenLine]]] = []
    held: list[tuple[str, WrittenLine]] = []
    for _, row in groupby(pieces, key=lambda piece: piece[1].row):
        own = list(row)
        if held and _words(held) + _words(own) > MAX_WORDS:
            at = _end(held)
            parts.append(held[:at])
            held = held[at:]
        held += own
    return [*parts, held] if held else parts


def _end(held: Sequence[tuple[str, WrittenLine]]) -> int:
    """Where to end a group: after the last line that ends a sentence, not too early."""
    for at in range(len(held), 0, -1):
        if _words(held[:at]) < MIN_WORDS:
            break
        if held[at - 1][0].endswith(ENDS):
            return at
    return len(held)


def _words(pieces: Sequence[tuple[str, WrittenLine]]) -> int:
    return sum(count_words(text) for text, _ in pieces)


def _passage(pieces: Sequence[tuple[str, WrittenLine]], scale: float, page: int | None) -> Passage:
    written, start = [], 0
    for text, line in pieces:
        low, high = line.corners.min(axis=0) / scale, line.corners.max(axis=0) / scale
        x1, y1, x2, y2 = (round(float(edge)) for edge in (*low, *high))
        written.append(Written(start, (x1, y1, x2, y2), round(line.confidence, DIGITS)))
        start += len(text) + 1
    text = " ".join(text for text, _ in pieces)
    return Passage(text, kind=OCR, page=page, written=tuple(written))
