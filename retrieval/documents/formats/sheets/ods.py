"""ODS → text (OASIS Open Document Format 1.3): sheets in their order, a row a record."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from retrieve.documents.formats.office.odt import NS, TABLE, TEXT, opened, stated, text_of_paragraph
from retrieve.documents.formats.office.paragraphs import whole
from retrieve.documents.formats.office.xml import events, forget
from retrieve.documents.formats.sheets.rows import Row, Sheets
from retrieve.documents.lines import Line, Source

_CELLS = {f"{TABLE}table-cell", f"{TABLE}covered-table-cell"}
_PARAGRAPHS = {f"{TEXT}p", f"{TEXT}h"}
_ANNOTATED = {
    "{http://purl.org/dc/elements/1.1/}creator",
    "{http://purl.org/dc/elements/1.1/}date",
    NS % "meta" + "date-string",
}
_MAX_REPEATED = 1 << 24  # columns or rows: more than a sheet has


def read_ods(content: bytes, column: str | None, remarks: list[str]) -> Source:
    """The sheets of an ODS as they are shown, each row a record under the sheet's name.

    column   the one to read alone, by its name or its number from 1
    remarks  gets a line about what is left out
    raises   BadInput if it is encrypted or damaged, or has no such column
    """
    container, body = opened(content)
    sheets = Sheets(column, remarks)

    def lines() -> Iterator[Line]:
        for name, rows in groupby(_rows(body), key=itemgetter(0)):
            yield from sheets.lines(name, (row for _, row in rows))
        sheets.finish()

    title, date = stated(container, remarks)
    return Source(whole(lines(), remarks), title, date)


def _rows(body: bytes) -> Iterator[tuple[str, Row]]:
    """Sheet, number and cells of all rows that hold something; a repeated one once."""
    name, number, at = "", 1, 0
    cells: dict[int, str] = {}
    texts: list[str] = []
    for starts, element in events(body):
        tag = element.tag
        if tag == f"{TABLE}table" and starts:
            name, number = element.get(f"{TABLE}name", ""), 1
        elif tag == f"{TABLE}table-row":
            if starts:
                cells, at = {}, 0
                continue
            if cells:
                yield name, (number, cells)
            number += _repeated(element.get(f"{TABLE}number-rows-repeated"))
            forget(element)
        elif tag in _CELLS:
            if not starts:
                if texts:
                    cells[at] = " ".join(texts)
                at += _repeated(element.get(f"{TABLE}number-columns-repeated"))
                element.clear()
            texts = []
        elif tag in _ANNOTATED and not starts:
            element.clear(keep_tail=True)
        elif tag in _PARAGRAPHS and not starts:
            text = text_of_paragraph(element).strip()
            if text:
                texts.append(text)


def _repeated(stated: str | None) -> int:
    return min(_MAX_REPEATED, int(stated)) if stated and stated.isdecimal() else 1
