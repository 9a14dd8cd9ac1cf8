"""CSV and TSV → text: one record, one or more passages."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice

from retrieve.documents.formats.columns import (
    SAMPLE_RECORDS,
    record_lines,
    text_column,
    title_column,
)
from retrieve.documents.lines import Line, Source, numbered
from retrieve.errors import BadInput

_DELIMITERS = ",;\t|"
_SAMPLE_CHARACTERS = 1 << 16
_NAME_CHARACTERS = 40  # of a column's name, at most
_MAX_COLUMNS = 10_000


def read_table(text: str, column: str | None, *, tabs: bool = False) -> Source:
    """One column of a table, each record under its title if a column is called so.

    column  its name, or its number from 1; None takes the one that `text_column` tells
    tabs    whether the file is named .tsv; else the delimiter is the one of , ; tab and |
            that gives the most regular rows
    raises  BadInput if the column is not there

    The first row names the columns if its cells are different, short and no numbers; else
    the columns are called by their numbers.
    """
    delimiter = "\t" if tabs else _delimiter(text)
    sample = list(islice(_rows(text, delimiter), SAMPLE_RECORDS + 1))
    if not sample:
        return Source(iter(()))
    names = _header(sample[0][1])
    headed = names is not None
    width = min(_MAX_COLUMNS, max(len(row) for _, row in sample))
    names = names or [str(number) for number in range(1, width + 1)]
    records = [dict(zip(names, row, strict=False)) for _, row in sample[headed:]]
    if not records:
        return Source(iter(()))
    if column is not None and column not in names and column.isdecimal():
        column = names[int(column) - 1] if 0 < int(column) <= len(names) else column
    wanted = text_column(records, column)
    title = title_column(names, wanted) if headed else None
    return Source(
        _lines(
            text,
            delimiter,
            headed=headed,
            at=names.index(wanted),
            title_at=None if title is None else names.index(title),
        )
    )


def _lines(
    text: str, delimiter: str, *, headed: bool, at: int, title_at: int | None
) -> Iterator[Line]:
    for record, (line, row) in enumerate(islice(_rows(text, delimiter), headed, None), start=1):
        title = row[title_at] if title_at is not None and title_at < len(row) else ""
        if at < len(row):
            yield from record_lines(row[at], title, record, line, spans=True)


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold something, each with the line where it begins.

    raises  BadInput if the table is damaged
    """
    reader = csv.reader((line + "\n" for _, line in numbered(text)), delimiter=delimiter)
    begin = 1
    # The limit belongs to the process; a cell may be as long as the file.
    limit = csv.field_size_limit(max(len(text), csv.field_size_limit()))
    try:
        for row in reader:
            if any(row):
                yield begin, row
            begin = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"its table is damaged at line {begin}: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _delimiter(text: str) -> str:
    """The character that divides the start of the file into the most regular rows."""
    sample = text[:_SAMPLE_CHARACTERS]

    def regularity(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for _, row in islice(_rows(sample, delimiter), 50)]
        widths = widths[:-1] or widths  # the sample may end within the last
        if not widths or widths[0] < 2:
            return 0.0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(_DELIMITERS, key=regularity)


def _header(row: list[str]) -> list[str] | None:
    """The names of the columns, if the first row holds names."""
    names = [cell.strip() for cell in row]
    distinct = len(set(names)) == len(names)
    if not distinct or any(not _is_name(name) for name in names):
        return None
    return names


def _is_name(cell: str) -> bool:
    if len(cell) > _NAME_CHARACTERS or cell.endswith((".", "!", "?")):
        return False
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return True
    return False
