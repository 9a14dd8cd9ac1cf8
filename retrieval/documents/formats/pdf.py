"""PDF → text, page by page.

pypdf reads it: PDFium is four to thirteen times as fast and finds the same words, but takes
gigabytes of memory for a page of a few kilobytes that was made to hurt, where pypdf stops at
limits of its own. Time has none here: a page can keep any reader busy, so read strangers'
files in a process with a time limit.
"""

from __future__ import annotations

import logging
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from retrieve.documents.dates import iso
from retrieve.documents.lines import MAX_TEXT_CHARACTERS, Line, Source, clean
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_PAGES = 10_000  # a page can be listed again and again at no cost

# What pypdf lets through where a file lies, besides errors of its own.
_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    NotImplementedError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
)

_LIGATURES = dict(enumerate(["ff", "fi", "fl", "ffi", "ffl", "st", "st"], start=0xFB00))
_DIVIDED = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad][ \t]*\n[ \t]*(?=([^\W\d_]))")
_LEADERS = re.compile(r"(?:[ \t]?\.){4,}")  # between a title and its page number
_EDGE_LINES = 2  # at the top and the bottom of a page, where running heads and numbers stand
_NAMED_PAGES = 5  # in a remark
_MIN_LINES = 8  # of a page that has running heads
_NUMBER = re.compile(r"\d{1,5}")
_MAX_NUMBERS = 4  # of a line that are looked at
_RUNNING_FROM = 0.3  # share of pages: left and right ones differ
_BULLET = re.compile(r"\s*(?:[•▪◦‣·○●■*–-]|\d{1,2}[.)])\s")
_SENTENCE_END = re.compile(r"[.!?…:;][»”’\"')\]]*\s*\Z")
_SHORT = 0.7  # of the usual length of a line: it ends a paragraph or is a heading
_JUNK_TITLE = re.compile(
    r"untitled|sin título|microsoft \w+ - .*|.*\.(docx?|odt|tex|indd|dvi|qxd)", re.IGNORECASE
)


def read_pdf(content: bytes, remarks: list[str]) -> Source:
    """The text of a PDF with its page numbers.

    remarks  gets a line about pages that are damaged or without text
    raises   BadInput if it is encrypted, damaged, endless, or holds no text at all

    Words that are divided at a line's end are joined. What stands at the edge of most pages
    (running heads, page numbers) is kept where it comes first.
    """
    from pypdf.errors import PyPdfError

    # Where nobody handles logs, Python would print pypdf's remarks about bad files.
    logging.getLogger("pypdf").addHandler(logging.NullHandler())
    damaged: list[int] = []
    try:
        reader = _opened(content)
        pages = list(_pages(reader, damaged))
        stated = reader.metadata
        title = clean(str(stated.title or "")) if stated else ""
        date = str(stated.get("/CreationDate", "")) if stated else ""
    except (PyPdfError, *_DAMAGE) as error:
        raise BadInput("not a PDF, or damaged") from error
    empty = [number for number, lines in enumerate(pages, start=1) if not lines]
    if len(empty) == len(pages):
        what = "can be read" if damaged else "holds text: scanned pictures? Recognise them (OCR)"
        raise BadInput(f"none of its {len(pages)} pages {what}")
    if damaged:
        remarks.append(f"damaged, or made to unpack without end: page {_listed(damaged)}")
    scanned = [number for number in empty if number not in set(damaged)]
    if scanned:
        remarks.append(f"no text on page {_listed(scanned)}: scanned pictures?")
    return Source(_lines(pages), "" if _JUNK_TITLE.fullmatch(title) else title, iso(date))


def _listed(numbers: list[int]) -> str:
    more = len(numbers) - _NAMED_PAGES
    return ", ".join(map(str, numbers[:_NAMED_PAGES])) + (f" and {more} more" if more > 0 else "")


def _opened(content: bytes) -> PdfReader:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError

    reader = PdfReader(BytesIO(content))
    try:
        if reader.is_encrypted and not reader.decrypt(""):
            raise BadInput("encrypted: it opens only with a password")
    except DependencyError as error:
        raise BadInput(f"encrypted in a way that cannot be read: {error}") from error
    if not 0 < len(reader.pages) <= MAX_PAGES:
        raise BadInput(
            f"a PDF of 1 to {MAX_PAGES} pages is wanted, this one has {len(reader.pages)}"
        )
    return reader


def _pages(reader: PdfReader, damaged: list[int]) -> Iterator[list[str]]:
    """The lines of each page that hold text, divided words joined.

    damaged  gets the numbers of those that cannot be read
    """
    from pypdf.errors import DeprecationError, PyPdfError

    left = MAX_TEXT_CHARACTERS
    for number, page in enumerate(reader.pages, start=1):
        try:
            text = page.extract_text()
        except (PyPdfError, DeprecationError, *_DAMAGE):
            damaged.append(number)
            text = ""
        left -= len(text)
        if left < 0:
            raise BadInput(f"it holds more than {MAX_TEXT_CHARACTERS >> 20} million characters")
        joined = _DIVIDED.sub(lambda found: "-" if found[1].isupper() else "", text)
        joined = _LEADERS.sub(" ", joined)
        yield [line for line in joined.translate(_LIGATURES).split("\n") if clean(line)]


def _lines(pages: list[list[str]]) -> Iterator[Line]:
    running = _running(pages)
    usual = median(len(line) for lines in pages for line in lines)
    seen: set[str] = set()
    before = ""
    for number, lines in enumerate(pages, start=1):
        for at, line in enumerate(lines):
            known = _keys(line, number) & running if _is_edge(at, len(lines)) else set()
            if not known:
                yield Line(line, begins=_begins(line, before, usual), page=number)
                before = line
            elif not known & seen:
                yield Line(line, page=number)
                seen |= known


def _running(pages: list[list[str]]) -> set[str]:
    """Keys of what stands at the edge of so many pages that it belongs to none of them."""
    count: Counter[str] = Counter()
    for number, lines in enumerate(pages, start=1):
        edge = (line for at, line in enumerate(lines) if _is_edge(at, len(lines)))
        count.update(set().union(*(_keys(line, number) for line in edge)))
    return {key for key, times in count.items() if times >= max(3, _RUNNING_FROM * len(pages))}


def _is_edge(at: int, count: int) -> bool:
    return count >= _MIN_LINES and not _EDGE_LINES <= at < count - _EDGE_LINES


def _keys(line: str, page: int) -> set[str]:
    """What a line has in common with those of other pages: itself, or up to its page number."""
    text = clean(line)
    keys = {text}
    for found in islice(_NUMBER.finditer(text), _MAX_NUMBERS):
        distance = int(found[0]) - page
        keys.add(f"{text[: found.start()]}<page + {distance}>{text[found.end() :]}")
    return keys


def _begins(line: str, before: str, usual: float) -> bool:
    """Whether a paragraph begins, as far as the shape of the lines tells."""
    if _BULLET.match(line) or not before:
        return True
    if len(before) >= _SHORT * usual:
        return False
    return _SENTENCE_END.search(before) is not None or not line.lstrip()[:1].islower()
