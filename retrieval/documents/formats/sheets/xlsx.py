"""XLSX → text (ECMA-376, SpreadsheetML): sheets in their order, a row a record.

openpyxl refuses files of which one part is odd; calamine, in Rust, takes memory for every cell
between the first and the last one, which two cells at the corners make endless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieve.documents.formats.office.container import Container
from retrieve.documents.formats.office.drawing import drawn_lines
from retrieve.documents.formats.office.package import main_part, relations, stated
from retrieve.documents.formats.office.paragraphs import beside
from retrieve.documents.formats.office.xml import events, forget, parse, plain_text
from retrieve.documents.formats.sheets.numbers import shown
from retrieve.documents.formats.sheets.rows import MAX_CELLS, Row, Sheets
from retrieve.documents.lines import Line, Source
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_REFERENCES = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",
)
_CELL = re.compile(r"([A-Z]{1,3})\d+", re.IGNORECASE)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # a character that XML cannot hold


@dataclass(slots=True)
class _Book:
    """What the cells of all sheets refer to.

    texts    shared between cells
    styles   number format by the style of a cell
    formats  the codes of those that the file defines
    """

    texts: list[str] = field(default_factory=list)
    styles: list[int] = field(default_factory=list)
    formats: dict[int, str] = field(default_factory=dict)
    from_1904: bool = False


def read_xlsx(content: bytes, column: str | None, remarks: list[str]) -> Source:
    """The sheets of an XLSX, each row a record under the sheet's name; text boxes, comments.

    Numbers, dates and shares stand as the cell shows them, dates in ISO 8601; of formulas
    the result is read that the program saved.

    column   the one to read alone, by its name or its number from 1
    remarks  gets a line about each part that is left out
    raises   BadInput if it is encrypted or damaged, or has no such column
    """
    container = Container(content)
    found = main_part(container)
    if found is None:
        raise BadInput("damaged: it has no xl/workbook.xml")
    main = found[1]
    root = parse(container.read(main) or b"")
    targets = {each.identifier: each for each in relations(container, main) if not each.external}
    parts = [
        (each.get("name", ""), targets[_reference(each)].target)
        for each in root.iter("{*}sheet")
        if _reference(each) in targets
    ]
    if not parts:
        raise BadInput("damaged: it names no sheet")
    book = _book(container, main, remarks)
    book.from_1904 = any(
        each.get("date1904") in ("1", "true") for each in root.iter("{*}workbookPr")
    )
    title, date = stated(container, remarks)
    return Source(_lines(container, parts, book, Sheets(column, remarks)), title, date)


def _lines(
    container: Container, parts: list[tuple[str, str]], book: _Book, sheets: Sheets
) -> Iterator[Line]:
    for name, part in parts:
        rows = _rows(container, part, book)
        yield from beside(f"'{name}'", sheets.lines(name, rows), sheets.remarks)
        if sheets.column is None:
            for each in relations(container, part):
                if not each.external:
                    lines = _around(container, each.kind, each.target)
                    for line in beside(each.target, lines, sheets.remarks):
                        yield Line(line.text, title=name)
    sheets.finish()


def _rows(container: Container, part: str, book: _Book) -> Iterator[Row]:
    """The rows of a sheet that hold something, as they are read."""
    number = 0
    with container.opened(part) as stream:
        cells: dict[int, str] = {}
        at = -1
        for starts, element in events(stream):
            local = element.tag.rpartition("}")[2]
            if local == "row":
                if starts:
                    named = element.get("r", "")
                    number = int(named) if named.isdecimal() else number + 1
                    cells, at = {}, -1
                else:
                    if cells:
                        yield number, cells
                    forget(element)
            elif local == "c" and not starts:
                at = _column(element.get("r", ""), at + 1)
                text = _cell(element, book).strip()
                if text:
                    cells[at] = text
                element.clear()


def _cell(cell: Element, book: _Book) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _rich(cell.find("{*}is"))
    # Not findtext("{*}v"): a search by a path takes most of the time of a sheet.
    stored = next(cell.iterchildren("{*}v"), None)
    value = "" if stored is None else stored.text or ""
    if kind == "s":
        at = int(value) if value.isdecimal() else -1
        return book.texts[at] if 0 <= at < len(book.texts) else ""
    if kind == "b":
        return "TRUE" if value == "1" else "FALSE"
    if kind == "n" and value:
        style = cell.get("s", "0")
        at = int(style) if style.isdecimal() else 0
        identifier = book.styles[at] if at < len(book.styles) else 0
        return shown(value, identifier, book.formats, from_1904=book.from_1904)
    if kind == "d":
        return value.replace("T00:00:00", "").replace("T", " ")
    return "" if kind == "e" else _unescaped(value)


def _column(reference: str, following: int) -> int:
    """The number of a cell's column, from 0; cells without a reference follow each other."""
    found = _CELL.fullmatch(reference)
    if not found:
        return following
    number = 0
    for letter in found[1].upper():
        number = 26 * number + ord(letter) - 64
    return number - 1


def _book(container: Container, main: str, remarks: list[str]) -> _Book:
    book = _Book()
    for each in relations(container, main):
        if each.kind == "sharedStrings" and not each.external:
            for line in beside(each.target, _shared(container, each.target), remarks):
                book.texts.append(line.text)
        elif each.kind == "styles" and not each.external:
            try:
                root = parse(container.read(each.target) or b"")
            except BadInput as error:
                remarks.append(f"the formats of its numbers are not read: {error}")
                continue
            for found in root.iter("{*}numFmt"):
                if found.get("numFmtId", "").isdecimal():
                    book.formats[int(found.get("numFmtId"))] = found.get("formatCode", "")
            styles = next(root.iter("{*}cellXfs"), None)
            identifiers = (
                []
                if styles is None
                else [each.get("numFmtId", "") for each in styles.iterchildren("{*}xf")]
            )
            book.styles = [int(each) if each.isdecimal() else 0 for each in identifiers]
    return book


def _shared(container: Container, part: str) -> Iterator[Line]:
    """Texts that cells refer to by their number."""
    with container.opened(part) as stream:
        count = 0
        for starts, element in events(stream):
            if element.tag.rpartition("}")[2] == "si" and not starts:
                yield Line(_rich(element))
                forget(element)
                count += 1
                if count >= MAX_CELLS:
                    raise BadInput(f"it holds more than {MAX_CELLS} texts")


def _around(container: Container, kind: str, part: str) -> Iterator[Line]:
    """What stands on a sheet and in a part of its own: text boxes and comments."""
    if kind == "drawing":
        content = container.read(part)
        if content is not None:
            yield from drawn_lines(content)
    elif kind in ("comments", "threadedComment"):
        for starts, element in events(container.read(part) or b""):
            local = element.tag.rpartition("}")[2]
            if not starts and local == "comment":
                yield Line(_rich(element))
            elif not starts and kind == "threadedComment" and local == "text":
                yield Line(plain_text(element))


def _rich(element: Element | None) -> str:
    """A text with changes of its font, without the readings of its signs."""
    if element is None:
        return ""
    return _unescaped(
        "".join(
            each.text or ""
            for each in element.iter("{*}t")
            if each.getparent().tag.rpartition("}")[2] != "rPh"
        )
    )


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _reference(element: Element) -> str:
    return next((element.get(name, "") for name in _REFERENCES if element.get(name)), "")
