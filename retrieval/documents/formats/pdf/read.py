"""PDF → text, page by page."""

from __future__ import annotations

import re

from retrieve.documents.dates import iso
from retrieve.documents.divided import join_divided
from retrieve.documents.formats.pdf.apart import Opened, Read, read
from retrieve.documents.formats.pdf.running import lines
from retrieve.documents.lines import MAX_TEXT_CHARACTERS, Source, clean
from retrieve.errors import BadInput

MAX_PAGES = 10_000  # a page can be listed again and again at no cost

_LIGATURES = dict(enumerate(["ff", "fi", "fl", "ffi", "ffl", "st", "st"], start=0xFB00))
_LEADERS = re.compile(r"(?:[ \t]?\.){4,}")  # between a title and its page number
_NAMED_PAGES = 5  # in a remark
READ_THEM = "Words in pictures are read by: retrieve index --ocr"
_UNMAPPED_FROM = 0.05  # of a page's characters: a few are bullets and signs
# Codes that were taken for letters are mostly signs; what prose, tables and programs hold of
# them is less.
_SIGNS = frozenset("!\"#$%&'()*+/:;<=>?@[\\]^`{|}~")
_SIGNS_FROM = 0.5
_MIN_SIGNS = 20
_JUNK_TITLE = re.compile(
    r"untitled|sin título|microsoft \w+ - .*|.*\.(docx?|odt|tex|indd|dvi|qxd)", re.IGNORECASE
)


def read_pdf(content: bytes, remarks: list[str], scanned: list[int] | None = None) -> Source:
    """The text of a PDF with its page numbers.

    remarks  gets a line about a file that was cut off, and about pages that are damaged,
             without text, or written in fonts that do not say what their letters are
    scanned  gets the numbers of pages whose words can only be read off their pictures; with it
             a PDF of nothing else is none that is refused
    raises   BadInput if it is encrypted, damaged, endless, or holds no text at all

    Values of forms and notes stand on their page. Words that are divided at a line's end are
    joined. What stands at the edge of most pages (running heads, page numbers) is kept where
    it comes first.
    """
    pages: list[list[str]] = []
    damaged: list[int] = []
    unmapped: list[int] = []
    title, created, cut, left = "", "", "", MAX_TEXT_CHARACTERS
    for found in read(content, MAX_PAGES):
        if isinstance(found, Opened):
            title, created, cut = clean(found.title), found.created, found.remark
            continue
        left -= sum(len(line) for column in found.columns for line in column)
        if left < 0:
            raise BadInput(f"it holds more than {MAX_TEXT_CHARACTERS >> 20} million characters")
        texts = _texts(found)
        unreadable = _is_code(texts)
        pages.append([] if unreadable else texts)
        if found.lost:
            damaged.append(len(pages))
        elif unreadable or found.unmapped > _UNMAPPED_FROM * found.seen:
            unmapped.append(len(pages))
    if cut and not any(pages):
        raise BadInput("not a PDF, or damaged")
    remarks += [cut] if cut else []
    pictured = [n for n, page in enumerate(pages, start=1) if not page and n not in damaged]
    if scanned is not None:
        scanned += pictured
    try:
        remarks += _remarks(pages, damaged, unmapped)
    except BadInput as error:
        if not scanned:
            raise
        remarks.append(str(error))
    text = lines(pages) if any(pages) else iter(())
    return Source(text, "" if _JUNK_TITLE.fullmatch(title) else title, iso(created))


def _remarks(pages: list[list[str]], damaged: list[int], unmapped: list[int]) -> list[str]:
    """What is to be said about a document of which a part cannot be read.

    raises  BadInput if nothing of it can
    """
    empty = {number for number, page in enumerate(pages, start=1) if not page}
    if len(empty) == len(pages):
        what = f"holds text: scanned pictures? {READ_THEM}"
        if damaged:
            what = "can be read"
        elif unmapped:
            what = f"can be read: its fonts do not say what their letters are. {READ_THEM}"
        raise BadInput(f"none of its {len(pages)} pages {what}")
    said = []
    if damaged:
        said.append(f"damaged, or made to unpack without end: page {_listed(damaged)}")
    if unmapped:
        said.append(
            f"letters that cannot be read, since their fonts do not say what they are: "
            f"page {_listed(unmapped)}"
        )
    scanned = sorted(empty - {*damaged, *unmapped})
    if scanned:
        said.append(f"no text on page {_listed(scanned)}: scanned pictures?")
    return said


def _listed(numbers: list[int]) -> str:
    more = len(numbers) - _NAMED_PAGES
    return ", ".join(map(str, numbers[:_NAMED_PAGES])) + (f" and {more} more" if more > 0 else "")


def _texts(page: Read) -> list[str]:
    """The lines of a page that hold text, words divided within a column joined."""
    found = []
    for column in page.columns:
        text = join_divided("\n".join(column))
        text = _LEADERS.sub(" ", text)
        found += [line for line in text.translate(_LIGATURES).split("\n") if clean(line)]
    return found


def _is_code(texts: list[str]) -> bool:
    """Whether a page holds numbers of glyphs that were taken for characters."""
    drawn = [letter for line in texts for letter in line if not letter.isspace()]
    signs = sum(letter in _SIGNS for letter in drawn)
    return signs >= _MIN_SIGNS and signs > _SIGNS_FROM * len(drawn)
