"""What DOCX and ODT share: paragraphs, tables and page breaks in XML, read in one pass.

python-docx would load every picture and leave out text boxes, notes and insertions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from retrieve.documents.formats.office.xml import events, forget, narrow
from retrieve.documents.lines import Line, clean
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


@dataclass(frozen=True, slots=True)
class Shape:
    """How one format writes what both have; all names in lxml's form, {namespace}name.

    paragraphs  elements of one paragraph each
    rows        of a table: the paragraphs of one become one
    skipped     elements whose content nobody sees: deleted text, copies for old programs
    page_breaks where the program that wrote the file last turned a page
    described   elements that describe a picture
    text        the text of a paragraph in which all those are emptied
    is_heading  whether a paragraph is one
    describe    the description that a `described` element holds; it is a text of its own
    """

    paragraphs: Collection[str]
    rows: Collection[str]
    skipped: Collection[str]
    page_breaks: Collection[str]
    described: Collection[str]
    text: Callable[[Element], str]
    is_heading: Callable[[Element], bool]
    describe: Callable[[Element], str]


def lines(content: bytes, shape: Shape) -> Iterator[Line]:
    """The paragraphs of an XML file; what lies inside another one follows it.

    Inside lie notes, text boxes, comments and descriptions of pictures.

    raises  BadInput if it is damaged or declares a document type
    """
    content = narrow(content)
    breaks = (name.partition("}")[2].encode() for name in shape.page_breaks)
    page = 1 if any(name in content for name in breaks) else None
    open_paragraphs: list[tuple[Element, int | None]] = []
    inner: list[Line] = []  # of what lies inside the open paragraph
    skipping, row_begins, rows = 0, True, 0
    for starts, element in events(content):
        tag = element.tag
        if tag in shape.skipped:
            skipping += 1 if starts else -1
            if not skipping:
                element.clear(keep_tail=True)
        elif skipping:
            continue
        elif tag in shape.rows:
            rows += 1 if starts else -1
            row_begins = True
        elif tag in shape.page_breaks and starts and page is not None:
            page += 1
            if open_paragraphs and _leads(element, open_paragraphs[-1][0]):
                open_paragraphs[-1] = open_paragraphs[-1][0], page
        elif tag in shape.described and not starts:
            text = shape.describe(element)
            element.clear(keep_tail=True)
            if text.strip() and not (inner and inner[-1].text == text):
                inner.append(Line(text, page=page))
            if not open_paragraphs:
                yield from inner
                inner = []
        elif tag in shape.paragraphs and starts:
            open_paragraphs.append((element, page))
        elif tag in shape.paragraphs:
            _, begin = open_paragraphs.pop()
            text = shape.text(element)
            if text.strip():
                heading = not rows and shape.is_heading(element)
                line = Line(text, heading=heading, begins=row_begins or not rows, page=begin)
                row_begins = False
                if open_paragraphs:
                    inner.append(line)
                else:
                    yield line
            if not open_paragraphs:
                yield from inner
                inner = []
            forget(element)
    yield from inner


def whole(parts: Iterable[Line], remarks: list[str]) -> Iterator[Line]:
    """The lines of the text itself: where its XML breaks off, what stands before is kept.

    raises  BadInput if it breaks off before any text
    """
    some = False
    try:
        for line in parts:
            some = True
            yield line
    except BadInput as error:
        if not some:
            raise
        remarks.append(f"what follows is lost: {error}")


def beside(name: str, parts: Iterable[Line], remarks: list[str]) -> Iterator[Line]:
    """The lines of a part beside the text (notes, headers); damage to it is a remark."""
    try:
        yield from parts
    except BadInput as error:
        remarks.append(f"{name} is left out: {error}")


def once(parts: Iterable[Line]) -> Iterator[Line]:
    """Each text once, as none of them were a heading: sections repeat headers and footers."""
    seen: set[str] = set()
    for line in parts:
        text = clean(line.text)
        if text and text not in seen:
            seen.add(text)
            yield Line(text)


def headed(heads: Iterable[Line], body: Iterator[Line]) -> Iterator[Line]:
    """The heads of pages before the text, on the page where it begins."""
    first = next(body, None)
    page = None if first is None else first.page
    yield from (replace(line, page=page) for line in heads)
    if first is not None:
        yield first
        yield from body


def _leads(element: Element, paragraph: Element) -> bool:
    """Whether no text stands before an element of a paragraph, of which more may be read."""
    before = takewhile(lambda other: other is not element, paragraph.iter())
    return not any((other.text or "").strip() for other in before)
