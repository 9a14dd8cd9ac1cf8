"""PDF → text, page by page.

PDFium, the reader of Chrome, finds the text: four times as fast as pypdf here, it knows
the hyphens at line ends, opens files that are encrypted without a password, and needs no
further library for that. As with any decoder, run strangers' files in a process with a
time limit: nested forms can keep every reader busy for ever.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from retrieval.documents.dates import iso
from retrieval.documents.lines import Line, Source, clean
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

MAX_PAGES = 10_000  # a page can be listed again and again at no cost
# Of one compressed stream, unpacked. PDFium takes some 20 bytes of memory for one of these.
MAX_STREAM_BYTES = 32 << 20
_STREAM = re.compile(rb"/FlateDecode[^\0]{0,300}?stream\r?\n")
_CHUNK_BYTES = 1 << 16
_PASSWORD = 4  # PDFium's FPDF_ERR_PASSWORD

_HYPHEN = re.compile("[\ufffe\x02]")  # PDFium's sign for a hyphen at a line's end
_LIGATURES = dict(enumerate(["ff", "fi", "fl", "ffi", "ffl", "st", "st"], start=0xFB00))
_EDGE_LINES = 2  # at the top and the bottom of a page, where running heads and numbers stand
_MIN_LINES = 8  # of a page that has running heads
_NUMBER = re.compile(r"\d{1,5}")
_MAX_NUMBERS = 4  # of a line that are looked at
_RUNNING_FROM = 0.3  # share of pages: left and right ones differ
_BULLET = re.compile(r"\s*(?:[•▪◦‣·○●■*–-]|\d{1,2}[.)])\s")
_SENTENCE_END = re.compile(r"[.!?…:;][»”’\"')\]]*\s*\Z")
_SHORT = 0.7  # of the usual length of a line: it ends a paragraph or is a heading
_JUNK_TITLE = re.compile(r"untitled|sin título|.*\.(docx?|odt|tex|indd|dvi|p65|qxd)|", re.I)


def read_pdf(content: bytes, remarks: list[str]) -> Source:
    """The text of a PDF with its page numbers.

    remarks  gets a line about pages without text
    raises   BadInput if it is encrypted, damaged, endless, or holds no text at all

    Words that are divided at a line's end are joined. What stands at the edge of most pages
    (running heads, page numbers) is kept where it comes first.
    """
    _check_streams(content)
    document = _opened(content)
    try:
        stated = document.get_metadata_dict()
        pages = [_lines_of(document, number, remarks) for number in range(len(document))]
    finally:
        document.close()
    empty = [number for number, lines in enumerate(pages, start=1) if not lines]
    if len(empty) == len(pages):
        raise BadInput(
            f"none of its {len(pages)} pages holds text: scanned pictures? Recognise it (OCR) first"
        )
    if empty:
        more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
        listed = ", ".join(map(str, empty[:5])) + more
        remarks.append(f"no text on page {listed}: scanned pictures?")
    title = clean(stated.get("Title", ""))
    return Source(
        _lines(pages),
        "" if _JUNK_TITLE.fullmatch(title) else title,
        iso(stated.get("CreationDate", "")),
    )


def _check_streams(content: bytes) -> None:
    """Refuse streams that unpack to more than a page can need; pictures are not unpacked.

    raises  BadInput
    """
    for found in _STREAM.finditer(content):
        if b"/Image" in content[max(0, found.start() - 300) : found.end()]:
            continue
        unpacker, size, at = zlib.decompressobj(), 0, found.end()
        try:
            while not unpacker.eof and at < len(content):
                chunk = content[at : at + _CHUNK_BYTES]
                while chunk and not unpacker.eof:
                    size += len(unpacker.decompress(chunk, 1 << 20))
                    chunk = unpacker.unconsumed_tail
                    if size > MAX_STREAM_BYTES:
                        raise BadInput(
                            f"a page unpacks to more than {MAX_STREAM_BYTES >> 20} MiB of drawing"
                        )
                at += _CHUNK_BYTES
        except zlib.error:
            pass  # encrypted, or damaged: PDFium judges


def _opened(content: bytes) -> PdfDocument:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        document = PdfDocument(content)
    except PdfiumError as error:
        if error.err_code == _PASSWORD:
            raise BadInput("encrypted: it opens only with a password") from error
        raise BadInput("not a PDF, or damaged") from error
    if not 0 < len(document) <= MAX_PAGES:
        count = len(document)
        document.close()
        raise BadInput(f"a PDF of 1 to {MAX_PAGES} pages is wanted, this one has {count}")
    return document


def _lines_of(document: PdfDocument, number: int, remarks: list[str]) -> list[str]:
    """The lines of one page that hold text, divided words joined."""
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
        text_page = page.get_textpage()
        text = text_page.get_text_range() if text_page.count_chars() else ""
        text_page.close()
        page.close()
    except PdfiumError:
        remarks.append(f"page {number + 1} is damaged")
        return []
    text = _HYPHEN.sub("\u00ad", text).translate(_LIGATURES)
    return [line for line in _joined(text).splitlines() if clean(line)]


def _joined(text: str) -> str:
    """Divided words in one: the hyphen stays only before a capital (Castilla-\u00adLa Mancha)."""
    text = re.sub(r"\u00ad\s*(?=[^\W\d_])(?=[A-ZÁÉÍÓÚÜÑ])", "-", text)
    text = re.sub(r"\u00ad\s*", "", text)
    return re.sub(r"(?<=[^\W\d_])[-\u2010][ \t]*\r?\n[ \t]*(?=[a-záéíóúüñ])", "", text)


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
