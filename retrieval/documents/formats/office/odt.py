"""ODT, and the slides of ODP → text (OASIS Open Document Format 1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieve.documents.dates import iso
from retrieve.documents.formats.office.container import Container
from retrieve.documents.formats.office.paragraphs import Shape, beside, headed, lines, once, whole
from retrieve.documents.formats.office.xml import narrow, plain_text, text_of
from retrieve.documents.lines import Line, Source, clean
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

NS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
TEXT, TABLE, OFFICE, _META, _STYLE, _DRAW, _PRESENTATION = (
    NS % name for name in ("text", "table", "office", "meta", "style", "drawing", "presentation")
)
_SVG = NS % "svg-compatible"
_DC = "{http://purl.org/dc/elements/1.1/}"
_BLANKS = {f"{TEXT}s", f"{TEXT}tab", f"{TEXT}line-break"}
_DERIVED = re.compile(
    rb"<style:style\b(?=[^>]*\sstyle:parent-style-name=\"(?:Title|Subtitle)\")"
    rb"[^>]*\sstyle:name=\"(\w+)\""
)
_SKIPPED = {
    f"{TEXT}tracked-changes",  # holds what was deleted
    f"{TEXT}note-citation",
    f"{TEXT}ruby-text",
    f"{_DC}creator",  # of a comment; what it says is read
    f"{_DC}date",
    f"{_META}date-string",
    f"{_META}creator-initials",
    f"{OFFICE}binary-data",
    f"{OFFICE}scripts",
    f"{TEXT}script",
}
_NUMBERS = {f"{TEXT}page-number", f"{TEXT}page-count"}
_HEADS = {f"{_STYLE}header{which}" for which in ("", "-left", "-first")}
_FEET = {f"{_STYLE}footer{which}" for which in ("", "-left", "-first")}


def read_odt(content: bytes, remarks: list[str]) -> Source:
    """The text of an ODT: heads, body with tables, boxes, notes and comments, feet of its pages.

    What the heads and feet of its pages say stands there once. Deleted text is not read.
    Pages are those that the writer had when it saved the file, if it says so.

    remarks  gets a line about each part that is left out
    raises   BadInput if it is encrypted or damaged, or unpacks to too much
    """
    container, body = opened(content)
    shape = _shape(_title_styles(body))

    def edges(left_out: set[str]) -> Iterator[Line]:
        styles = container.read("styles.xml")
        if styles is not None:
            skipped = _SKIPPED | _NUMBERS | left_out
            yield from lines(styles, replace(shape, skipped=skipped))

    def all_lines() -> Iterator[Line]:
        heads = once(beside("styles.xml", edges(_FEET), remarks))
        yield from headed(heads, whole(lines(body, shape), remarks))
        # Damage to the styles has been said of the heads.
        yield from once(beside("styles.xml", edges(_HEADS), []))

    title, date = stated(container, remarks)
    return Source(all_lines(), title, date)


def read_odp(content: bytes, remarks: list[str]) -> Source:
    """The text of the slides of an ODP, with their notes; each slide is a page.

    remarks  gets a line about each part that is left out
    raises   BadInput if it is encrypted or damaged, or unpacks to too much
    """
    container, body = opened(content)
    # The slide breaks the page where it begins, so the first one is counted twice.
    shape = replace(_shape(set()), page_breaks={f"{_DRAW}page"})

    def slides() -> Iterator[Line]:
        before = None
        for line in lines(body, shape):
            page = max(1, (line.page or 2) - 1)
            yield replace(line, page=page, heading=page != before, begins=True)
            before = page

    title, date = stated(container, remarks)
    return Source(whole(slides(), remarks), title, date)


def opened(content: bytes) -> tuple[Container, bytes]:
    """The container of an Open Document, and the part that holds what it says.

    raises  BadInput if it is encrypted or damaged
    """
    container = Container(content)
    if b"encryption-data" in (container.read("META-INF/manifest.xml") or b""):
        raise BadInput("encrypted: it opens only with a password")
    body = container.read("content.xml")
    if body is None:
        raise BadInput("damaged: it has no content.xml")
    return container, body


def stated(container: Container, remarks: list[str]) -> tuple[str, str | None]:
    """Title and date of an Open Document, as it states them."""
    try:
        meta = container.read("meta.xml")
        date = text_of(meta, f"{_META}creation-date") or text_of(meta, f"{_DC}date")
        return clean(text_of(meta, f"{_DC}title")), iso(date)
    except BadInput as error:
        remarks.append(f"its title and date are not read: {error}")
        return "", None


def _shape(titles: set[str]) -> Shape:
    def is_heading(paragraph: Element) -> bool:
        style = paragraph.get(f"{TEXT}style-name", "")
        return bool(paragraph.tag == f"{TEXT}h") or style in titles

    return Shape(
        paragraphs={f"{TEXT}p", f"{TEXT}h"},
        rows={f"{TABLE}table-row"},
        skipped=_SKIPPED,
        page_breaks={f"{TEXT}soft-page-break"},
        described={f"{_SVG}title", f"{_SVG}desc"},
        text=text_of_paragraph,
        is_heading=is_heading,
        describe=plain_text,
    )


def _title_styles(body: bytes) -> set[str]:
    """Names of the styles of titles: those two, and what the writer derived from them."""
    return {"Title", "Subtitle", *(name.decode() for name in _DERIVED.findall(narrow(body)))}


def text_of_paragraph(paragraph: Element) -> str:
    """The text of a paragraph; what makes a blank is one."""
    parts = [paragraph.text or ""]
    for element in paragraph.iterdescendants():
        if isinstance(element.tag, str):  # no comment
            parts.append(" " if element.tag in _BLANKS else element.text or "")
        parts.append(element.tail or "")
    return "".join(parts)
