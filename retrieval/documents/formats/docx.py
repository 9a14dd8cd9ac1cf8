"""DOCX → text (ECMA-376, WordprocessingML)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrieve.documents.dates import iso
from retrieve.documents.formats.office import Shape, lines, parse, part, text_of
from retrieve.documents.lines import Line, Source, clean
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_DC = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_BLANKS = {f"{_W}tab", f"{_W}br", f"{_W}cr"}
_TEXTS = {f"{_W}t", f"{_M}t"}
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")
_BODY_LEVEL = 9  # the outline level of what is no heading
_HEADING_STYLES = ("heading", "title", "subtitle")  # style names are English in every language


def read_docx(content: bytes) -> Source:
    """The text of a DOCX: body with tables and text boxes, then notes; no deleted text.

    Its pages are those that Word had when it saved the file, if it says so.

    raises  BadInput if it is encrypted or damaged, or unpacks to too much
    """
    body = part(content, "word/document.xml")
    if body is None:
        raise BadInput("damaged: it has no word/document.xml")
    headings = _heading_styles(part(content, "word/styles.xml"))

    def is_heading(paragraph: Element) -> bool:
        level = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
        if level is not None:
            return bool(level.get(f"{_W}val") != str(_BODY_LEVEL))
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        return style is not None and style.get(f"{_W}val") in headings

    shape = Shape(
        paragraphs=(f"{_W}p",),
        row=f"{_W}tr",
        skipped=(_FALLBACK, f"{_W}moveFrom", f"{_W}del"),
        page_break=f"{_W}lastRenderedPageBreak",
        text=_text,
        is_heading=is_heading,
    )

    def all_lines() -> Iterator[Line]:
        yield from lines(body, shape)
        for name in _NOTES:
            notes = part(content, name)
            if notes is not None:
                yield from (Line(note.text) for note in lines(notes, shape))

    core = part(content, "docProps/core.xml")
    return Source(
        all_lines(), clean(text_of(core, f"{_DC}title")), iso(text_of(core, f"{_TERMS}created"))
    )


def _text(paragraph: Element) -> str:
    parts = []
    for element in paragraph.iter():
        if element.tag in _TEXTS:
            parts.append(element.text or "")
        elif element.tag in _BLANKS and element.getparent().tag == f"{_W}r":
            parts.append(" ")  # a w:tab elsewhere defines a tab stop
        elif element.tag == f"{_W}noBreakHyphen":
            parts.append("-")
    return "".join(parts)


def _heading_styles(content: bytes | None) -> set[str]:
    """Identifiers of the styles that are headings, or are based on one."""
    if content is None:
        return set()
    based_on: dict[str, str] = {}
    headings = set()
    for style in parse(content).iter(f"{_W}style"):
        identifier = style.get(f"{_W}styleId", "")
        name, base = style.find(f"{_W}name"), style.find(f"{_W}basedOn")
        if name is not None and name.get(f"{_W}val", "").lower().startswith(_HEADING_STYLES):
            headings.add(identifier)
        elif base is not None:
            based_on[identifier] = base.get(f"{_W}val", "")
    for style, base in based_on.items():
        seen = {style}
        while base not in seen and base not in headings and base in based_on:
            seen.add(base)
            base = based_on[base]
        if base in headings:
            headings.add(style)
    return headings
