"""Open Packaging (ECMA-376-2): which part of an Office file is which, however it is called."""

from __future__ import annotations

import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieve.documents.dates import iso
from retrieve.documents.formats.office.container import Container, joined
from retrieve.documents.formats.office.xml import events, parse, text_of
from retrieve.documents.lines import clean
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_OVERRIDE = "{http://schemas.openxmlformats.org/package/2006/content-types}Override"
_MAIN_TYPE = re.compile(
    r"(?:wordprocessingml|word|presentationml|powerpoint|spreadsheetml|excel)\b.*"
    r"\bmain\+xml|sheet\.binary\.macroEnabled\.main",
    re.IGNORECASE,
)
_USUAL = {
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
    "xl/workbook.xml": "xlsx",
}
# The root of the main part says what a file is.
_KINDS = {"document": "docx", "presentation": "pptx", "workbook": "xlsx"}
_DC = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_NAMESPACES = ("http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/")


@dataclass(frozen=True, slots=True)
class Relation:
    """What one part says of another.

    kind      the last word of its type: "header", "slide"; the same in both dialects
    target    the name of the other part
    external  whether that lies outside the file
    """

    identifier: str
    kind: str
    target: str
    external: bool


def main_part(container: Container) -> tuple[str, str] | None:
    """Kind ("docx", "pptx", "xlsx") and name of the part that holds the text itself.

    The relationships of the package name it, else its content types do, else it is looked
    for where programs put it. None if this is no Office file.

    raises  BadInput for a workbook in the binary form
    """
    related = [
        relation.target
        for relation in relations(container, "")
        if relation.kind == "officeDocument" and not relation.external
    ]
    typed = [name for name, kind in content_types(container) if _MAIN_TYPE.search(kind)]
    for name in dict.fromkeys([*related, *typed, *_USUAL]):
        if name.lower().endswith(".bin") and name in container:
            raise BadInput("a binary workbook (XLSB); save it as XLSX")
        kind = _kind(container, name)
        if kind:
            return kind, name
    return None


def relations(container: Container, name: str) -> list[Relation]:
    """What a part ("" for the package) refers to, in order; nothing where that is damaged."""
    folder, base = posixpath.split(name)
    try:
        content = container.read(posixpath.join(folder, "_rels", f"{base}.rels"))
        root = None if content is None else parse(content)
    except BadInput:
        return []
    if root is None:
        return []
    return [_relation(element, name) for element in root.iter(_RELATIONSHIP)]


def content_types(container: Container) -> list[tuple[str, str]]:
    """Name and content type of the parts that state one of their own."""
    try:
        content = container.read("[Content_Types].xml")
        root = None if content is None else parse(content)
    except BadInput:
        return []
    if root is None:
        return []
    return [
        (element.get("PartName", "").lstrip("/"), element.get("ContentType", ""))
        for element in root.iter(_OVERRIDE)
    ]


def parts_beside(container: Container, main: str, kind: str) -> list[str]:
    """The parts of one kind ("header", "footnotes") that belong to a main part.

    Those that it refers to in their order, then those that the content types name, then
    what is called so and lies in its folder: programs that drop a relationship leave the part.
    """
    related = [
        relation.target
        for relation in relations(container, main)
        if relation.kind == kind and not relation.external
    ]
    typed = [name for name, known in content_types(container) if f".{kind}+xml" in known]
    called = re.compile(rf"{re.escape(posixpath.dirname(main))}/?{kind}\d*\.xml", re.IGNORECASE)
    named = sorted(name for name in container.names if called.fullmatch(name))
    unique = {name.lower(): name for name in reversed([*related, *typed, *named])}
    return [name for name in reversed(unique.values()) if name in container]


def stated(container: Container, remarks: list[str]) -> tuple[str, str | None]:
    """Title and date of the file, as it states them."""
    try:
        core = container.read("docProps/core.xml")
        return clean(text_of(core, f"{_DC}title")), iso(text_of(core, f"{_TERMS}created"))
    except BadInput as error:
        remarks.append(f"its title and date are not read: {error}")
        return "", None


def _relation(element: Element, name: str) -> Relation:
    external = element.get("TargetMode", "").lower() == "external"
    target = element.get("Target", "")
    return Relation(
        identifier=element.get("Id", ""),
        kind=element.get("Type", "").rpartition("/")[2],
        target=target if external else joined(name, target),
        external=external,
    )


def _kind(container: Container, name: str) -> str | None:
    """By the root of its XML, else, where that is damaged, by its usual name."""
    if name not in container:
        return None
    root = ""
    with suppress(BadInput), container.opened(name) as stream:
        root = next((element.tag for _, element in events(stream)), "")
    namespace, _, local = root.lstrip("{").rpartition("}")
    known = _KINDS.get(local) if namespace.startswith(_NAMESPACES) else None
    return known or _USUAL.get(name.lower())
