"""What every format is read into: lines of text, each with its place, in reading order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Of one document: the longest novels have 5 million, and what is read lies in memory whole.
MAX_TEXT_CHARACTERS = 64 << 20

# Controls, soft hyphens, zero-width blanks, byte order marks and noncharacters: nobody sees
# them and no search would match across them. Tab to carriage return are blanks and stay.
_UNSEEN = re.compile("[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff\ufffe\uffff]")
_BLANKS = re.compile(r"\s{2,}|[^\S ]")  # split() would make a list of all words of a long text
_HALF_PAIR = re.compile("[\ud800-\udfff]")  # of a surrogate pair: JSON can spell one alone


@dataclass(frozen=True, slots=True)
class Line:
    """A stretch of text that begins at one place: a line of a file or a page, a cue, a cell.

    text     as read; the splitter cleans it
    heading  whether it is the title of the lines that follow, up to the next heading
    begins   whether a paragraph begins here; else it goes on from the line before
    title    what it stands under where no heading says it: the title of a record
    page, line, record, time_s  as in Passage
    """

    text: str
    heading: bool = False
    begins: bool = True
    title: str = ""
    page: int | None = None
    line: int | None = None
    record: int | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One document as its format's reader returns it.

    lines       in reading order; read once
    title       as the file states it, "" without one
    written_at  local time as the file itself states it, ISO 8601, or None
    """

    lines: Iterator[Line]
    title: str = ""
    written_at: str | None = None


# What a format calls for a file inside its own (an attachment): content, name and remarks →
# its text, nothing where it is none. Damage to it becomes a remark.
ReadInner = Callable[[bytes, str, list[str]], Iterator[Line]]


def clean(text: str) -> str:
    """Text with composed accents (NFC), single blanks, and no characters that cannot be seen."""
    if not text.isascii():
        text = _HALF_PAIR.sub("\ufffd", text)
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
    return _BLANKS.sub(" ", _UNSEEN.sub("", text)).strip(" ")


def numbered(text: str, first: int = 1) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers, as an editor counts them: \\n, \\r\\n or \\r."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    start, number = 0, first
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield number, text[start:end]
        start, number = end + 1, number + 1
