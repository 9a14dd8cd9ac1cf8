"""PPTX → text (ECMA-376, PresentationML): slides in their order, with notes and comments.

python-pptx loads every picture and raises errors of its own where one part is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieve.documents.formats.office.container import Container
from retrieve.documents.formats.office.drawing import drawn_lines
from retrieve.documents.formats.office.package import Relation, main_part, relations, stated
from retrieve.documents.formats.office.paragraphs import beside
from retrieve.documents.formats.office.xml import events, parse, plain_text
from retrieve.documents.lines import Line, Source, clean
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

MAX_SLIDES = 10_000
_REFERENCES = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",
)
_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml", re.IGNORECASE)
_BESIDE = ("diagramData", "notesSlide")  # what a slide refers to and holds text
_COMMENTED = ("text", "t")  # elements of a comment, before 2018 and after it


def read_pptx(content: bytes, remarks: list[str]) -> Source:
    """The slides of a PPTX in their order, each a page under its title, then its notes.

    Tables, diagrams, descriptions of pictures and comments are read; what every slide
    repeats (footers) is read once.

    remarks  gets a line about each part that is left out
    raises   BadInput if it is encrypted or damaged, or unpacks to too much
    """
    container = Container(content)
    found = main_part(container)
    if found is None:
        raise BadInput("damaged: it has no ppt/presentation.xml")
    slides = _slides(container, found[1], remarks)
    if not slides:
        raise BadInput("it holds no slides")
    if len(slides) > MAX_SLIDES:
        remarks.append(f"of its {len(slides)} slides {MAX_SLIDES} are read")
    title, date = stated(container, remarks)
    return Source(_lines(container, slides[:MAX_SLIDES], remarks), title, date)


def _lines(container: Container, slides: list[str], remarks: list[str]) -> Iterator[Line]:
    seen: set[str] = set()
    for page, name in enumerate(slides, start=1):
        found = list(beside(name, _part(container, name), remarks))
        title = " ".join(clean(line.text) for line in found if line.heading)
        yield Line(title, heading=True, page=page)
        for line in found:
            if not line.heading:
                yield replace(line, page=page)
        for relation in relations(container, name):
            for line in beside(relation.target, _around(container, relation), remarks):
                text = clean(line.text)
                if text not in seen or relation.kind in _BESIDE:
                    yield replace(line, heading=False, page=page)
                    seen.add(text)


def _slides(container: Container, main: str, remarks: list[str]) -> list[str]:
    """Names of the parts of all slides, as the presentation orders them, else by number."""
    targets = {
        relation.identifier: relation.target
        for relation in relations(container, main)
        if relation.kind == "slide" and not relation.external
    }
    try:
        root = parse(container.read(main) or b"")
        order = [targets.get(_reference(each), "") for each in root.iter("{*}sldId")]
    except BadInput as error:
        remarks.append(f"the order of its slides is not known: {error}")
        order = []
    named = [name for name in order if name in container]
    if named:
        return named
    numbered = {
        int(found[1]): name for name in container.names if (found := _SLIDE.fullmatch(name))
    }
    return [numbered[number] for number in sorted(numbered)]


def _reference(element: Element) -> str:
    return next((element.get(name, "") for name in _REFERENCES if element.get(name)), "")


def _around(container: Container, relation: Relation) -> Iterator[Line]:
    """What belongs to a slide and stands in a part of its own."""
    if relation.external:
        return
    if relation.kind in _BESIDE:
        yield from _part(container, relation.target)
    elif relation.kind == "comments":
        for starts, element in events(container.read(relation.target) or b""):
            if not starts and element.tag.rpartition("}")[2] in _COMMENTED:
                yield Line(plain_text(element))


def _part(container: Container, name: str) -> Iterator[Line]:
    content = container.read(name)
    if content is not None:
        yield from drawn_lines(content)
