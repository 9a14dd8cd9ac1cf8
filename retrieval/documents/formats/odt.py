"""ODT → text (OASIS Open Document Format 1.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from retrieve.documents.dates import iso
from retrieve.documents.formats.office import Shape, lines, part, text_of
from retrieve.documents.lines import Source, clean
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_NS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TEXT, _TABLE, _OFFICE, _META = (_NS % name for name in ("text", "table", "office", "meta"))
_DC = "{http://purl.org/dc/elements/1.1/}"
_BLANKS = {f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"}
_DERIVED = re.compile(
    rb"<style:style\b(?=[^>]*\sstyle:parent-style-name=\"(?:Title|Subtitle)\")"
    rb"[^>]*\sstyle:name=\"(\w+)\""
)
_SKIPPED = (
    f"{_TEXT}tracked-changes",  # holds what was deleted
    f"{_OFFICE}annotation",
    f"{_TEXT}note-citation",
    f"{_TEXT}ruby-text",
)


def read_odt(content: bytes) -> Source:
    """The text of an ODT with its tables, text boxes and notes; no deleted text, no comments.

    Its pages are those that the writer had when it saved the file, if it says so.

    raises  BadInput if it is encrypted or damaged, or unpacks to too much
    """
    if b"encryption-data" in (part(content, "META-INF/manifest.xml") or b""):
        raise BadInput("encrypted: it opens only with a password")
    body = part(content, "content.xml")
    if body is None:
        raise BadInput("damaged: it has no content.xml")
    meta = part(content, "meta.xml")
    titles = _title_styles(body)

    def is_heading(paragraph: Element) -> bool:
        style = paragraph.get(f"{_TEXT}style-name", "")
        return bool(paragraph.tag == f"{_TEXT}h") or style in titles

    shape = Shape(
        paragraphs=(f"{_TEXT}p", f"{_TEXT}h"),
        row=f"{_TABLE}table-row",
        skipped=_SKIPPED,
        page_break=f"{_TEXT}soft-page-break",
        text=_text,
        is_heading=is_heading,
    )
    return Source(
        lines(body, shape),
        clean(text_of(meta, f"{_DC}title")),
        iso(text_of(meta, f"{_META}creation-date") or text_of(meta, f"{_DC}date")),
    )


def _title_styles(body: bytes) -> set[str]:
    """Names of the styles of titles: those two, and what the writer derived from them."""
    return {"Title", "Subtitle", *(name.decode() for name in _DERIVED.findall(body))}


def _text(paragraph: Element) -> str:
    parts = [paragraph.text or ""]
    for element in paragraph.iterdescendants():
        if isinstance(element.tag, str):  # no comment
            parts.append(" " if element.tag in _BLANKS else element.text or "")
        parts.append(element.tail or "")
    return "".join(parts)
