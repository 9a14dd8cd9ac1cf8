"""Text in drawings of Office (DrawingML): slides, text boxes, diagrams, names of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrieve.documents.formats.office.paragraphs import Shape, lines
from retrieve.documents.lines import Line

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_MAIN = (
    "{http://schemas.openxmlformats.org/drawingml/2006/main}",
    "{http://purl.oclc.org/ooxml/drawingml/main}",
)
_SLIDE = (
    "{http://schemas.openxmlformats.org/presentationml/2006/main}",
    "{http://purl.oclc.org/ooxml/presentationml/main}",
)
_SHEET = (
    "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}",
    "{http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing}",
)
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TEXTS = {*(space + "t" for space in _MAIN), _MATH + "t"}
_BREAKS = {space + "br" for space in _MAIN}
_SHAPES = {space + "sp" for space in (*_SLIDE, *_SHEET)}
_PLACES = tuple(space + "ph" for space in _SLIDE)
_TITLES = ("title", "ctrTitle")
# What the program puts onto every slide by itself.
_NUMBERS = ("sldNum", "dt", "hdr", "sldImg")


def drawn_lines(content: bytes) -> Iterator[Line]:
    """The paragraphs of a drawing or a slide, its titles as headings, without its number.

    raises  BadInput if it is damaged or declares a document type
    """
    yield from lines(content, _SHAPE)


def _text(paragraph: Element) -> str:
    if _place(paragraph) in _NUMBERS:
        return ""
    parts = []
    for element in paragraph.iter():
        if element.tag in _TEXTS:
            parts.append(element.text or "")
        elif element.tag in _BREAKS:
            parts.append(" ")
    return "".join(parts)


def _place(paragraph: Element) -> str:
    """Which placeholder of its slide a paragraph fills, "" for none."""
    shape = next((above for above in paragraph.iterancestors() if above.tag in _SHAPES), None)
    place = None if shape is None else next(shape.iter(*_PLACES), None)
    return "" if place is None else place.get("type", "body")


def _description(element: Element) -> str:
    stated = (element.get(name) or "" for name in ("title", "descr"))
    return "\n".join(dict.fromkeys(text.strip() for text in stated if text.strip()))


_SHAPE = Shape(
    paragraphs={space + "p" for space in _MAIN},
    rows={space + "tr" for space in _MAIN},
    skipped={_FALLBACK},
    page_breaks=(),
    described={space + "cNvPr" for space in (*_SLIDE, *_SHEET)},
    text=_text,
    is_heading=lambda paragraph: _place(paragraph) in _TITLES,
    describe=_description,
)
