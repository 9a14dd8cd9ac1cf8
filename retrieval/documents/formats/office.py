"""What DOCX and ODT share: XML in a ZIP container, read in one pass without trusting it.

lxml reads the XML as it comes, with no entities, no network and a limit of depth; python-docx
would load every picture and leave out text boxes, notes and insertions.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from typing import TYPE_CHECKING

from retrieve.documents.lines import Line
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

# Of one part, unpacked: the XML of a novel of 5 MiB has some 60. More is a bomb.
MAX_PART_BYTES = 128 << 20
_ENCRYPTED_FLAG = 1  # of a ZIP entry


@dataclass(frozen=True, slots=True)
class Shape:
    """How one format writes what both have; all names in lxml's form, {namespace}name.

    paragraphs  elements of one paragraph each
    row         of a table: its paragraphs become one
    skipped     elements whose content nobody sees: deleted text, copies for old programs
    page_break  where the program that wrote the file last turned a page
    text        the text of a paragraph in which all those are emptied
    is_heading  whether a paragraph is one
    """

    paragraphs: tuple[str, ...]
    row: str
    skipped: tuple[str, ...]
    page_break: str
    text: Callable[[Element], str]
    is_heading: Callable[[Element], bool]


def part(content: bytes, name: str) -> bytes | None:
    """One file of the container, unpacked; None if it holds no such one.

    raises  BadInput if it is encrypted, damaged or unpacks to more than MAX_PART_BYTES
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            if name not in archive.namelist():
                return None
            info = archive.getinfo(name)
            if info.flag_bits & _ENCRYPTED_FLAG:
                raise BadInput("encrypted: it opens only with a password")
            if info.file_size > MAX_PART_BYTES:  # zipfile unpacks no more than this says
                raise BadInput(f"{name} unpacks to more than {MAX_PART_BYTES >> 20} MiB")
            return archive.read(info)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise BadInput(f"damaged: {name} cannot be unpacked") from error


def parse(content: bytes) -> Element:
    """The root of a small XML file from a stranger.

    raises  BadInput if it is damaged or declares a document type, which these never do
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise BadInput(f"damaged XML: {error.msg}") from error
    _refuse_type(root)
    return root


def text_of(content: bytes | None, name: str) -> str:
    """The text of the first element of that name in a small XML file, "" without one."""
    found = None if content is None else parse(content).find(f".//{name}")
    return "" if found is None else (found.text or "").strip()


def lines(content: bytes, shape: Shape) -> Iterator[Line]:
    """The paragraphs of an XML file; those inside another one (notes, text boxes) follow it.

    raises  BadInput if it is damaged or declares a document type
    """
    from lxml import etree

    page = 1 if shape.page_break.partition("}")[2].encode() in content else None
    events = etree.iterparse(
        BytesIO(content), events=("start", "end"), resolve_entities=False, no_network=True
    )
    open_paragraphs: list[tuple[Element, int | None]] = []
    inner: list[Line] = []  # of paragraphs inside the open one
    skipping, row_begins, rows = 0, True, 0
    try:
        for event, element in events:
            tag, starts = element.tag, event == "start"
            if starts and not open_paragraphs and element.getparent() is None:
                _refuse_type(element)
            if tag in shape.skipped:
                skipping += 1 if starts else -1
                if not skipping:
                    element.clear(keep_tail=True)
            elif skipping:
                continue
            elif tag == shape.row:
                rows += 1 if starts else -1
                row_begins = True
            elif tag == shape.page_break and starts and page is not None:
                page += 1
                if open_paragraphs and _leads(element, open_paragraphs[-1][0]):
                    open_paragraphs[-1] = open_paragraphs[-1][0], page
            elif tag in shape.paragraphs and starts:
                open_paragraphs.append((element, page))
            elif tag in shape.paragraphs:
                _, begin = open_paragraphs.pop()
                text = shape.text(element)
                if text.strip():
                    heading = not rows and shape.is_heading(element)
                    begins = row_begins or not rows
                    line = Line(text, heading=heading, begins=begins, page=begin)
                    row_begins = False
                    if open_paragraphs:
                        inner.append(line)
                    else:
                        yield line
                if not open_paragraphs:
                    yield from inner
                    inner = []
                _forget(element)
    except etree.XMLSyntaxError as error:
        raise BadInput(f"damaged XML: {error.msg}") from error


def _leads(element: Element, paragraph: Element) -> bool:
    """Whether no text stands before an element of a paragraph, of which more may be read."""
    before = takewhile(lambda other: other is not element, paragraph.iter())
    return not any((other.text or "").strip() for other in before)


def _forget(element: Element) -> None:
    """Free what has been read, so that memory does not grow with the file."""
    element.clear(keep_tail=True)
    parent = element.getparent()
    while parent is not None and parent[0] is not element:
        del parent[0]


def _refuse_type(root: Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadInput("its XML declares a document type, which no honest file of its kind does")
