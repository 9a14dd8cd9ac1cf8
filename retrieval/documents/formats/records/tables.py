"""CSV and TSV → text: one record, one or more passages.

Tables are written by banks, phones and people: with lines above the names of the columns,
without such names, with commas inside of texts that nobody quoted.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from retrieve.documents.formats.records.columns import (
    SAMPLE_RECORDS,
    TEXT_NAMES,
    Columns,
    columns,
    first_named,
    record_lines,
)
from retrieve.documents.formats.records.headers import header
from retrieve.documents.lines import Line, Source, numbered
from retrieve.errors import BadInput

_DELIMITERS = ",;\t|"
_SAMPLE_CHARACTERS = 1 << 16
_SAMPLE_ROWS = 50
_REGULAR = 0.5  # of the rows are as wide as most of them, where a character divides them
_MAX_COLUMNS = 10_000
_DECLARED = re.compile(r"\"?sep=(.)\"?[ \t]*\Z", re.IGNORECASE)  # Excel's first line
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {'"': '""', "n": " ", "r": " ", "t": " ", "N": "", "0": ""}  # as MySQL writes them


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How rows are written.

    escaped   quotes inside of a cell have a backslash before them
    declared  the first line names the delimiter
    """

    delimiter: str
    escaped: bool = False
    declared: bool = False


class _Layout(NamedTuple):
    """Where the records of a table begin.

    width    of a row
    above    rows before the names or the first record: titles, periods
    regular  share of all rows that are so wide
    """

    width: int
    above: int
    regular: float


def read_table(text: str, column: str | None, *, tabs: bool = False) -> Source:
    """The records of a table, each with all of its cells, under its title if a column is called so.

    column  the name of one to read alone, or its number from 1
    tabs    whether the file is named .tsv; else the delimiter is the one that the first line
            declares, or that of , ; tab and | which gives the most regular rows
    raises  BadInput if the column is not there

    The first row that is as wide as those below may name the columns; without names they are
    called by their numbers. What stands above it is text. Cells beyond the last column belong
    to the text, in which somebody wrote the delimiter.
    """
    dialect = _dialect(text, tabs=tabs)
    sample = [row for _, row in islice(_rows(text, dialect), SAMPLE_RECORDS + 1)]
    if not sample:
        return Source(iter(()))
    width, above, _ = _layout(sample)
    below = sample[above + 1 :]
    names = header(sample[above], below)
    if above == 1 and names is None and len(sample[0]) == width - 1:
        names = header(["", *sample[0]], sample[1:])  # R leaves the first column without one
        above = 0 if names else above
    headed = names is not None
    names = [name or str(at) for at, name in enumerate(names or [""] * width, start=1)]
    rows = sample[above + headed :]
    if not rows and not above:
        return Source(iter(()))
    mended = _Mender(dialect.delimiter, names, rows)
    records = [mended(row) for row in rows]
    if column is not None and column not in names and column.isdecimal():
        column = names[int(column) - 1] if 0 < int(column) <= len(names) else column
    how = columns(records, column)
    if not headed:
        how = replace(how, title=None)
    return Source(_lines(text, dialect, above, headed, mended, how))


class _Mender:
    """Rows → cells by the names of their columns, those beyond the last one where they belong."""

    def __init__(self, delimiter: str, names: Sequence[str], sample: Sequence[list[str]]) -> None:
        self._delimiter, self._names = delimiter, names[:_MAX_COLUMNS]
        named = first_named(names, TEXT_NAMES)
        regular = [row for row in sample if len(row) == len(names)]
        lengths = [sum(len(row[at]) for row in regular) for at in range(len(names))]
        at = names.index(named) if named else lengths.index(max(lengths))
        self._text_at = at

    def __call__(self, row: list[str]) -> dict[str, str]:
        width = len(self._names)
        while len(row) > width and not row[-1].strip():
            row = row[:-1]
        surplus = len(row) - width
        if surplus > 0:
            at = self._text_at
            whole = self._delimiter.join(row[at : at + surplus + 1])
            row = [*row[:at], whole, *row[at + surplus + 1 :]]
        return dict(zip(self._names, row, strict=False))


def _lines(
    text: str, dialect: _Dialect, above: int, headed: bool, mended: _Mender, how: Columns
) -> Iterator[Line]:
    rows = _rows(text, dialect)
    for line, row in islice(rows, above):
        if not how.alone:
            yield Line(" ".join(filter(None, map(str.strip, row))), line=line)
    for record, (line, row) in enumerate(islice(rows, headed, None), start=1):
        yield from record_lines(mended(row), how, record, line, spans=True)


def _rows(text: str, dialect: _Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold something, each with the line where it begins.

    raises  BadInput if the table is damaged
    """
    lines = (line for _, line in islice(numbered(text), dialect.declared, None))
    if dialect.escaped:
        lines = (_ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), one) for one in lines)
    reader = csv.reader((line + "\n" for line in lines), delimiter=dialect.delimiter)
    begin = 1 + dialect.declared
    # The limit belongs to the process; a cell may be as long as the file.
    limit = csv.field_size_limit(max(len(text), csv.field_size_limit()))
    try:
        for row in reader:
            if any(map(str.strip, row)):
                yield begin, row
            begin = reader.line_num + 1 + dialect.declared
    except csv.Error as error:
        raise BadInput(f"its table is damaged at line {begin}: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _dialect(text: str, *, tabs: bool) -> _Dialect:
    declared = _DECLARED.match(next(numbered(text), (1, ""))[1])
    if tabs or declared:
        dialect = _Dialect("\t" if declared is None else declared[1], declared=declared is not None)
    else:
        sample = text[:_SAMPLE_CHARACTERS]
        tried = [_Dialect(delimiter) for delimiter in _DELIMITERS]
        dialect = max(tried, key=lambda one: _regularity(sample, one))
    first = text.find('\\"')
    if first >= 0:
        half = _SAMPLE_CHARACTERS // 2
        start = 0 if first < half else text.find("\n", first - half) + 1
        sample = text[start : start + _SAMPLE_CHARACTERS]
        here = replace(dialect, declared=False)
        if _regularity(sample, replace(here, escaped=True)) > _regularity(sample, here):
            dialect = replace(dialect, escaped=True)
    return dialect


def _regularity(sample: str, dialect: _Dialect) -> tuple[float, int]:
    """Share of the rows that are as wide as most, and that width."""
    rows = [row for _, row in islice(_rows(sample, dialect), _SAMPLE_ROWS)]
    whole = len(sample) < _SAMPLE_CHARACTERS  # else it may end within the last row
    layout = _layout(rows if whole else rows[:-1] or rows)
    return (layout.regular, layout.width) if layout.width > 1 else (0.0, 0)


def _layout(rows: Sequence[Sequence[str]]) -> _Layout:
    """Width and first row of what is the table among rows."""
    widths = [len(row) for row in rows]
    counted = Counter(width for width in widths if width > 1)
    if not counted:
        return _Layout(1, 0, 0.0)
    width = max(counted, key=lambda one: (counted[one], one))
    above = widths.index(width)
    inside = counted[width] / (len(rows) - above)
    if inside < _REGULAR or counted[width] == 1 < len(rows):
        return _Layout(1, 0, 0.0)  # prose: a comma here and there
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    while width > 2 and above + 1 < len(rows) and filled[above] == 1 < max(filled[above + 1 :]):
        above += 1  # a title, padded with empty cells
    return _Layout(width, above, counted[width] / len(rows))
