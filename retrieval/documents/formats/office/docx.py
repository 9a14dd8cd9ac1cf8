"""DOCX → text (ECMA-376, WordprocessingML, in its transitional and its strict dialect)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from retrieve.documents.formats.office.container import Container
from retrieve.documents.formats.office.package import (
    main_part,
    parts_beside,
    relations,
    stated,
)
from retrieve.documents.formats.office.paragraphs import Shape, beside, headed, lines, once, whole
from retrieve.documents.formats.office.xml import parse
from retrieve.documents.lines import Line, ReadInner, Source
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_WORD = (
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}",
    "{http://purl.oclc.org/ooxml/wordprocessingml/main}",
)
_MATH = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/math}",
    "{http://purl.oclc.org/ooxml/officeDocument/math}",
)
_DRAWING = (
    "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}",
    "{http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing}",
)
_VML = "{urn:schemas-microsoft-com:vml}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_REFERENCES = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}",
)


def _in(namespaces: tuple[str, ...], *names: str) -> frozenset[str]:
    return frozenset(space + name for space in namespaces for name in names)


_PARAGRAPH, _RUN = _in(_WORD, "p"), _in(_WORD, "r")
_BLANKS = _in(_WORD, "tab", "br", "cr")
_TEXTS = _in(_WORD, "t") | _in(_MATH, "t")
_HYPHEN, _VANISH, _CHUNK = (_in(_WORD, name) for name in ("noBreakHyphen", "vanish", "altChunk"))
_STYLE = _in(_WORD, "style")
_OFF = ("0", "false", "off")
_BODY_LEVEL = 9  # the outline level of what is no heading
_HEADING_STYLES = ("heading", "title", "subtitle")  # style names are English in every language
_MARK = "\0"  # no text of an XML file holds one
_MIME_WITHIN = 1024  # bytes of an MHT, in which its headers begin
_AFTER = ("footnotes", "endnotes", "comments")


def read_docx(content: bytes, remarks: list[str], read_inner: ReadInner) -> Source:
    """The text of a DOCX: letterhead, body with tables and text boxes, notes, comments, feet.

    What headers and footers say stands there once, however many sections repeat it. Deleted
    and hidden text is not read, inserted text is. Pages are those that Word had when it
    saved the file, if it says so.

    remarks     gets a line about each part that is left out
    read_inner  reads what another program put in whole (altChunk): HTML, MHT, RTF
    raises      BadInput if it is encrypted or damaged, or unpacks to too much
    """
    container = Container(content)
    found = main_part(container)
    if found is None:
        raise BadInput("damaged: it has no word/document.xml")
    main = found[1]
    shape = _shape(_heading_styles(container, main, remarks))

    def part(name: str) -> Iterator[Line]:
        yield from lines(container.read(name) or b"", shape)

    def parts(kind: str) -> Iterator[Line]:
        for name in parts_beside(container, main, kind):
            yield from beside(name, part(name), remarks)

    def all_lines() -> Iterator[Line]:
        body = whole(_body(container, main, shape, remarks, read_inner), remarks)
        yield from headed(once(parts("header")), body)
        for kind in _AFTER:
            yield from (Line(note.text, begins=note.begins) for note in parts(kind))
        yield from once(parts("footer"))

    title, date = stated(container, remarks)
    return Source(all_lines(), title, date)


def _body(
    container: Container, main: str, shape: Shape, remarks: list[str], read_inner: ReadInner
) -> Iterator[Line]:
    """The body, with the files that were put into it whole where they stand."""
    content = container.read(main) or b""
    chunks = {
        relation.identifier: relation.target
        for relation in relations(container, main)
        if relation.kind == "aFChunk" and not relation.external
    }
    if not chunks:
        yield from lines(content, shape)
        return
    # A chunk stands between paragraphs: it is read as one, whose text is its identifier.
    marked = replace(
        shape,
        paragraphs=_PARAGRAPH | _CHUNK,
        text=lambda element: _chunk_mark(element) or shape.text(element),
    )
    for line in lines(content, marked):
        if not line.text.startswith(_MARK):
            yield line
            continue
        name = chunks.get(line.text.removeprefix(_MARK), "")
        for inner in beside(name, _chunk(container, name, remarks, read_inner), remarks):
            yield replace(inner, page=line.page, line=None)


def _chunk(
    container: Container, name: str, remarks: list[str], read_inner: ReadInner
) -> Iterator[Line]:
    content = container.read(name)
    if content is None:
        raise BadInput("it is not there")
    if b"mime-version:" in content[:_MIME_WITHIN].lower():
        name += ".mht"  # some are called so, some .html or .htm
    elif content.lstrip().startswith(b"<") and not name.lower().endswith(".xhtml"):
        name += ".html"
    yield from read_inner(content, name, remarks)


def _chunk_mark(element: Element) -> str:
    if element.tag not in _CHUNK:
        return ""
    named = (element.get(f"{space}id") for space in _REFERENCES)
    return _MARK + next((name for name in named if name), "")


def _shape(headings: set[str]) -> Shape:
    def is_heading(paragraph: Element) -> bool:
        for space in _WORD:
            level = paragraph.find(f"{space}pPr/{space}outlineLvl")
            if level is not None:
                return bool(level.get(f"{space}val") != str(_BODY_LEVEL))
            style = paragraph.find(f"{space}pPr/{space}pStyle")
            if style is not None:
                return style.get(f"{space}val") in headings
        return False

    return Shape(
        paragraphs=_PARAGRAPH,
        rows=_in(_WORD, "tr"),
        skipped=_in(_WORD, "moveFrom", "del", "rt") | {_FALLBACK},
        page_breaks=_in(_WORD, "lastRenderedPageBreak"),
        described=_in(_DRAWING, "docPr") | {f"{_VML}shape"},
        text=_text,
        is_heading=is_heading,
        describe=_description,
    )


def _text(paragraph: Element) -> str:
    parts = []
    hidden = None
    for element in paragraph.iter():
        tag = element.tag
        if tag in _TEXTS:
            if hidden is None or element.getparent() is not hidden:
                parts.append(element.text or "")
        elif tag in _BLANKS and element.getparent().tag in _RUN:
            parts.append(" ")  # a w:tab elsewhere defines a tab stop
        elif tag in _HYPHEN:
            parts.append("-")
        elif tag in _VANISH and not set(element.attrib.values()) & set(_OFF):
            hidden = element.getparent().getparent()  # the run; of a paragraph, only its mark
    return "".join(parts)


def _description(element: Element) -> str:
    stated = (element.get(name) or "" for name in ("title", "descr", "alt"))
    return "\n".join(dict.fromkeys(text.strip() for text in stated if text.strip()))


def _heading_styles(container: Container, main: str, remarks: list[str]) -> set[str]:
    """Identifiers of the styles that are headings, or are based on one."""
    based_on: dict[str, str] = {}
    headings = set()
    try:
        found = parts_beside(container, main, "styles")[:1]
        roots = [parse(container.read(name) or b"") for name in found]
    except BadInput as error:
        remarks.append(f"its styles are not read: {error}")
        return set()
    for style in chain.from_iterable(root.iter(*_STYLE) for root in roots):
        space = style.tag.partition("}")[0] + "}"
        identifier = style.get(f"{space}styleId", "")
        name, base = style.find(f"{space}name"), style.find(f"{space}basedOn")
        if name is not None and name.get(f"{space}val", "").lower().startswith(_HEADING_STYLES):
            headings.add(identifier)
        elif base is not None:
            based_on[identifier] = base.get(f"{space}val", "")
    for style, base in based_on.items():
        seen = {style}
        while base not in seen and base not in headings and base in based_on:
            seen.add(base)
            base = based_on[base]
        if base in headings:
            headings.add(style)
    return headings
