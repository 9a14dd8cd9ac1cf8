"""EPUB → text (W3C EPUB 3.3, and 2): the chapters in the order of the book."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from retrieve.documents.dates import iso
from retrieve.documents.encoding import decode
from retrieve.documents.formats.markup import declared_encoding, read_html
from retrieve.documents.formats.office.container import Container, joined
from retrieve.documents.formats.office.paragraphs import beside
from retrieve.documents.formats.office.xml import narrow, parse, plain_text
from retrieve.documents.lines import Line, Source, clean
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_TYPE = re.compile(rb"<!DOCTYPE\s[^<>\[\]]{0,500}>")
MAX_CHAPTERS = 10_000
_PACKAGE_TYPE = "application/oebps-package+xml"
_CONTENTS_TYPE = "application/x-dtbncx+xml"  # of EPUB 2
_PAGE_NAMES = (".xhtml", ".html", ".htm")
# Fonts are made unreadable by these for reasons of licence; the text is not.
_FONT_METHODS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PROTECTED = "protected by its seller (DRM): only programs that hold its key can read it"


def read_epub(content: bytes, remarks: list[str]) -> Source:
    """The text of a book in its reading order, each chapter under its headings.

    A chapter without a heading stands under what the table of contents calls it, if it does;
    programs cut long ones into several files, which go on under the heading before.

    remarks  gets a line about each chapter that is left out
    raises   BadInput if it is protected, damaged, or has no chapters
    """
    container = Container(content)
    if _is_protected(container):
        raise BadInput(_PROTECTED)
    name = _package_name(container)
    try:
        package = _parsed(container.read(name))
    except BadInput as error:
        remarks.append(f"the order of its chapters is not known: {error}")
        chapters, labels, title, date = [], {}, "", None
    else:
        labels = _labels(package, name, container)
        chapters = _chapters(package, name, container)
        title = clean(plain_text(next(package.iter("{*}title"), None)))
        date = next((iso(plain_text(each)) for each in package.iter("{*}date")), None)
    chapters = chapters or sorted(
        each for each in container.names if each.lower().endswith(_PAGE_NAMES)
    )
    if not chapters:
        raise BadInput("damaged: it has no chapters")
    if len(chapters) > MAX_CHAPTERS:
        remarks.append(f"of its {len(chapters)} chapters {MAX_CHAPTERS} are read")
    return Source(_lines(container, chapters[:MAX_CHAPTERS], labels, remarks), title, date)


def _lines(
    container: Container, chapters: list[str], labels: dict[str, str], remarks: list[str]
) -> Iterator[Line]:
    for name in chapters:
        found = list(beside(name, _chapter(container, name, remarks), remarks))
        if name in labels and not any(line.heading for line in found):
            yield Line(labels[name], heading=True)
        for line in found:
            yield replace(line, line=None)


def _chapter(container: Container, name: str, remarks: list[str]) -> Iterator[Line]:
    content = container.read(name)
    if content is None:
        raise BadInput("it is not there")
    text, remark = decode(content, declared_encoding(content))
    remarks += [f"{name}: {remark}"] if remark else []
    yield from read_html(text, remarks).lines


def _parsed(content: bytes | None) -> Element:
    """The root of an XML file of a book; many name their document type, and nothing more."""
    return parse(_TYPE.sub(b"", narrow(content or b""), count=1))


def _is_protected(container: Container) -> bool:
    """Whether chapters are encrypted, and not only fonts."""
    try:
        content = container.read("META-INF/encryption.xml")
        root = None if content is None else _parsed(content)
    except BadInput:
        return False  # it protects nothing that can be read
    methods = [
        each.get("Algorithm", "")
        for each in (() if root is None else root.iter("{*}EncryptionMethod"))
        if each.getparent().tag.rpartition("}")[2] == "EncryptedData"
    ]
    return any(method not in _FONT_METHODS for method in methods)


def _package_name(container: Container) -> str:
    try:
        root = _parsed(container.read("META-INF/container.xml"))
        stated = [
            each.get("full-path", "")
            for each in root.iter("{*}rootfile")
            if each.get("media-type", _PACKAGE_TYPE) == _PACKAGE_TYPE
        ]
    except BadInput:
        stated = []
    named = [name for name in container.names if name.lower().endswith(".opf")]
    return next((name for name in (*stated, *named) if name in container), "")


def _labels(package: Element, name: str, container: Container) -> dict[str, str]:
    """What the table of contents calls each file: its first entry that points there."""
    labels: dict[str, str] = {}
    for item in package.iter("{*}item"):
        is_nav = "nav" in item.get("properties", "").split()
        if not is_nav and item.get("media-type") != _CONTENTS_TYPE:
            continue
        where = joined(name, unquote(item.get("href", "")))
        try:
            root = _parsed(container.read(where))
        except BadInput:
            continue  # the chapters have headings of their own
        for entry in root.iter("{*}a", "{*}navPoint"):
            if is_nav:
                target, label = entry.get("href", ""), plain_text(entry)
            else:
                target = next((each.get("src", "") for each in entry.iter("{*}content")), "")
                label = plain_text(next(entry.iter("{*}text"), None))
            labels.setdefault(joined(where, unquote(target.partition("#")[0])), clean(label))
    return {target: label for target, label in labels.items() if label}


def _chapters(package: Element, name: str, container: Container) -> list[str]:
    """Names of the pages in the order of the spine, each once; the contents are no text."""
    items = {each.get("id", ""): each for each in package.iter("{*}item")}
    spine = (items.get(each.get("idref", "")) for each in package.iter("{*}itemref"))
    names = [
        joined(name, unquote(each.get("href", "").partition("#")[0]))
        for each in spine
        if each is not None and "nav" not in each.get("properties", "").split()
    ]
    return [each for each in dict.fromkeys(names) if each in container]
