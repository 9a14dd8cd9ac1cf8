"""JSON lines → text: one object a line, one field of it."""

from __future__ import annotations

import json
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

_NAMED_LINES = 3  # of the broken ones


def read_json_lines(text: str, column: str | None, remarks: list[str]) -> Source:
    """One field of every object, each under its title if a field is called so.

    column   name of the field; None takes the one that `text_column` tells
    remarks  gets a line that names the lines which are no JSON objects
    raises   BadInput if no line is a JSON object, or none has the field
    """
    sample = [record for _, _, record in islice(_records(text, []), SAMPLE_RECORDS)]
    if not sample:
        raise BadInput("no line of it is a JSON object with text")
    if column is not None and not any(column in record for record in sample):
        sample += islice((record for _, _, record in _records(text, []) if column in record), 1)
    wanted = text_column(sample, column)
    names = list(dict.fromkeys(name for record in sample for name in record))
    return Source(_lines(text, wanted, title_column(names, wanted), remarks))


def _lines(text: str, wanted: str, title: str | None, remarks: list[str]) -> Iterator[Line]:
    broken: list[int] = []
    for number, line, record in _records(text, broken):
        above = record.get(title, "") if title else ""
        yield from record_lines(record.get(wanted, ""), above, number, line, spans=False)
    if broken:
        listed = ", ".join(map(str, broken[:_NAMED_LINES]))
        more = len(broken) - _NAMED_LINES
        listed += f" and {more} more" if more > 0 else ""
        remarks.append(f"no JSON object on line {listed}")


def _records(text: str, broken: list[int]) -> Iterator[tuple[int, int, dict[str, str]]]:
    """Number, line and texts of every object; numbers of other lines go into `broken`."""
    number = 0
    for line, content in numbered(text):
        if not content.strip():
            continue
        number += 1
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            texts = {name: field for name, field in value.items() if isinstance(field, str)}
            yield number, line, texts
        else:
            broken.append(line)
