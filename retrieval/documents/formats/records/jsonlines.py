"""JSON → text: one object a line, arrays and documents; all texts of a record, however deep.

Exports of chats and of search engines are read: what people wrote there stands in lists of
objects within objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

from retrieve.documents.formats.records.columns import (
    SAMPLE_RECORDS,
    Columns,
    columns,
    is_opaque,
    record_lines,
)
from retrieve.documents.lines import Line, Source, numbered
from retrieve.errors import BadInput

MAX_OBJECT_CHARACTERS = 32 << 20  # of one JSON value: parsing takes ten bytes of memory for one
_NAMED_LINES = 3  # of the broken ones
_BETWEEN = re.compile(r"[\s,]*")
_OF_ARRAYS = ("[", "]", "[]")
_DEEPEST_LIST = 3  # objects around the list of records: {"chats": {"list": [...]}}
_PARAGRAPH = "\n\n"

_Record = tuple[int | None, int, dict[str, str]]  # number, line, texts by field


def read_json_lines(text: str, column: str | None, remarks: list[str]) -> Source:
    """The texts of every object, each under its title if a field is called so.

    column   name of one field to read alone
    remarks  gets a line that names the lines which are no JSON objects
    raises   BadInput if there is no JSON object, or none has the field

    A comma at the end of a line, and an array around all of them, do no harm. Where no line
    holds an object, objects may go over several.
    """
    if next(_of_lines(text, []), None) is None:
        return read_json(text, column)
    how = _how(_of_lines(text, []), _of_lines(text, []), column)
    return Source(_lines(text, how, remarks))


def read_json(text: str, column: str | None) -> Source:
    """The texts of a JSON document: of each element of its array, or of its longest list.

    column  name of one field to read alone
    raises  BadInput if it holds no object, is damaged, or no object has the field
    """
    how = _how(_of_document(text), _of_document(text), column)
    return Source(
        line
        for number, at, record in _of_document(text)
        for line in record_lines(record, how, number, at, spans=False)
    )


def _how(first: Iterator[_Record], again: Iterator[_Record], column: str | None) -> Columns:
    sample = [record for _, _, record in islice(first, SAMPLE_RECORDS)]
    if not sample:
        raise BadInput("no line of it is a JSON object with text")
    if column is not None and not any(column in record for record in sample):
        sample += islice((record for _, _, record in again if column in record), 1)
    return columns(sample, column)


def _lines(text: str, how: Columns, remarks: list[str]) -> Iterator[Line]:
    broken: list[int] = []
    for number, line, record in _of_lines(text, broken):
        yield from record_lines(record, how, number, line, spans=False)
    if broken:
        listed = ", ".join(map(str, broken[:_NAMED_LINES]))
        more = len(broken) - _NAMED_LINES
        listed += f" and {more} more" if more > 0 else ""
        remarks.append(f"no JSON object on line {listed}")


def _of_lines(text: str, broken: list[int]) -> Iterator[_Record]:
    """The object or objects of every line; numbers of other lines go into `broken`."""
    number = 0
    for line, content in numbered(text):
        stripped = content.strip().rstrip(",").rstrip()
        if not stripped or stripped in _OF_ARRAYS:
            continue
        value = _loaded(stripped)
        listed = value if isinstance(value, list) else [value]
        objects = [one for one in listed if isinstance(one, dict)]
        if not objects or len(objects) < len(listed):
            number += 1
            broken.append(line)
            continue
        for one in objects:
            number += 1
            yield number, line, _texts(one)


def _loaded(line: str) -> object:
    """The value of a line, which may begin or end the array around all lines."""
    for tried in (line, line.removeprefix("["), line.removesuffix("]").rstrip(" ,")):
        try:
            value: object = json.loads(tried)
            return value
        except (ValueError, RecursionError):
            continue
    return None


def _of_document(text: str) -> Iterator[_Record]:
    """The objects of a document, and of several one after the other.

    raises  BadInput where it is no JSON
    """
    number = 0
    for line, value in _values(text):
        inside = _longest_list(value) if isinstance(value, dict) else None
        if inside is None or not isinstance(value, dict):
            if isinstance(value, dict):
                number += 1
                yield number, line, _texts(value)
            elif isinstance(value, str | list):
                number += 1
                yield number, line, {"": _PARAGRAPH.join(_strings(value))}
            continue
        around = _texts(value, inside)
        if around:
            yield None, line, around
        for one in inside:
            number += 1
            yield number, line, _texts(one)


def _values(text: str) -> Iterator[tuple[int, object]]:
    """Top-level values, or the elements of an array at the top, with the line of each."""
    decode = json.JSONDecoder().raw_decode
    at, line, depth = _BETWEEN.match(text).end(), 1, 0  # type: ignore[union-attr]
    line += text.count("\n", 0, at)
    while at < len(text):
        end = at + 1
        if text[at] == "[" and depth == 0:
            depth = 1
        elif text[at] == "]" and depth == 1:
            depth = 0
        else:
            if text[at] == "{" and len(text) - at > MAX_OBJECT_CHARACTERS and depth == 0:
                limit = MAX_OBJECT_CHARACTERS >> 20
                raise BadInput(f"a JSON object of more than {limit} million characters")
            try:
                value, end = decode(text, at)
            except (ValueError, RecursionError) as error:
                raise BadInput(
                    f"no line of it is a JSON object, and it is no JSON: {error}"
                ) from error
            if depth or not isinstance(value, str):
                yield line, value
        begin, at = at, _BETWEEN.match(text, end).end()  # type: ignore[union-attr]
        line += text.count("\n", begin, at)


def _longest_list(value: dict[str, object]) -> list[dict[str, object]] | None:
    """The longest list of objects that lies in objects only: the records of an export."""
    found: list[dict[str, object]] | None = None
    level = [value]
    for _ in range(_DEEPEST_LIST):
        inner = [one for each in level for one in each.values()]
        for one in inner:
            if isinstance(one, list) and len(one) > max(1, len(found or ())):
                found = one if all(isinstance(item, dict) for item in one) else found
        level = [one for one in inner if isinstance(one, dict)]
    return found


def _texts(record: dict[str, object], without: object = None) -> dict[str, str]:
    """The texts of each field, those of nested ones a paragraph each; numbers of its own."""
    cells = {}
    for name, value in record.items():
        if isinstance(value, str):
            text = value
        elif isinstance(value, list | dict):
            text = _PARAGRAPH.join(_strings(value, without))
        else:
            continue
        if text:
            cells[name] = text
    if cells:
        for name, value in record.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                cells[name] = str(value)
    return cells


def _strings(value: object, without: object = None) -> Iterator[str]:
    """All texts in a value, in order; without one that is given."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if one.strip() and not is_opaque(one):
                yield one
        elif one is not without:
            if isinstance(one, dict):
                waiting.extend(reversed(one.values()))
            elif isinstance(one, list):
                waiting.extend(reversed(one))
