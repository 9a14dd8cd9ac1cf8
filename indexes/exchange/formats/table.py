"""Comma-separated values: a line of names, then a record a line.

The header stands in columns that every line repeats, so that nothing but a table is in
the file. Lists are joined by blanks (addresses and numbers have none), remarks are JSON,
and the embedding is columns e0, e1, ... An empty cell is a value that is not there. Texts are
written as retrieve.visible.cell() has them, so that no program takes one for a formula and no
terminal obeys one; an import takes that back.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrieve.errors import BadInput
from retrieve.faces.detection.recipe import KEY as RECIPE
from retrieve.indexes.exchange.checks import header_from, record_from
from retrieve.indexes.exchange.records import FIELDS, NETWORKS, Header, Record, fields_of
from retrieve.indexes.vectors.spaces import MAX_DIM
from retrieve.visible import cell, cell_text, json_visible

CONSTANTS = ("retrieve_export", *NETWORKS, "metric")
JOINED = ("paths", "gone_paths", "landmarks")
TEXTS = ("path", "taken_at", "person")
WHOLE = ("size_bytes", "height", "width", "faces", "face_id", "face")
BROKEN = ("latitude", "longitude", "x1", "y1", "x2", "y2", "score", "quality")
MAX_CELL = 1 << 24  # characters; the csv module stops at 131,072 unless it is told


@contextmanager
def writing(path: Path, header: Header, *, crops: bool) -> Iterator[Callable[[Record], None]]:
    """Gives a function that writes one record; raises BadInput for crops."""
    if crops:
        raise BadInput("CSV holds no pictures; --crops needs --to jsonl or --to parquet")
    names = [*CONSTANTS, *([RECIPE] if RECIPE in header.made_by else [])]
    constants = [_cell(header.fields()[name]) for name in names]
    columns = [f"e{i}" for i in range(header.dim)]
    # Surrogates cannot occur: paths are shown and addresses are ASCII.
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*FIELDS, *columns, *names])
        nothing = [""] * header.dim

        def write(record: Record) -> None:
            fields = fields_of(record)
            for name in JOINED:
                if fields[name] is not None:
                    fields[name] = " ".join(map(str, fields[name]))
            fields["warnings"] = json_visible(json.dumps(fields["warnings"], ensure_ascii=False))
            for name in TEXTS:
                fields[name] = _cell(fields[name])
            embedding = fields["embedding"]
            values = nothing if embedding is None else [f"{x:.9g}" for x in embedding.tolist()]
            writer.writerow([*(fields[name] for name in FIELDS), *values, *constants])

        yield write


def _cell(value: Any) -> Any:
    return cell(value) if isinstance(value, str) else value


@contextmanager
def reading(path: Path) -> Iterator[tuple[Header, Iterator[tuple[str, Record | str]]]]:
    """The header, and for each record the line where it ends and what it says.

    raises  BadInput if it is no export
    """
    limit = csv.field_size_limit(MAX_CELL)
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.reader(file)
            lines = _lines(reader)
            _, names = next(lines, ("", []))
            lacking = [name for name in (*FIELDS, *CONSTANTS, "e0") if name not in names]
            if isinstance(names, str) or lacking:
                raise BadInput(f"{path} is no export of retrieve: it has no column {lacking[:1]}")
            dim = next(i for i in range(MAX_DIM + 1) if f"e{i}" not in names)
            first = next(lines, None)
            if first is None:
                raise BadInput(f"{path} holds no record, so that nothing tells what made it")
            header = header_from(_constants(names, first[1]) | {"dim": dim}, path)

            def records() -> Iterator[tuple[str, Record | str]]:
                assert first is not None
                yield _record(names, *first, header)
                for where, cells in lines:
                    yield _record(names, where, cells, header)

            yield header, records()
    finally:
        csv.field_size_limit(limit)


def _lines(reader: Any) -> Iterator[tuple[str, list[str] | str]]:
    """Cells, or why there are none."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield f"line {reader.line_num}", str(error)
            continue
        if cells:
            yield f"line {reader.line_num}", cells


def _constants(names: list[str], cells: list[str] | str) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(names, cells, strict=False))
    found = {name: found.get(name) for name in (*CONSTANTS, RECIPE) if name in found}
    found = {name: cell_text(value) for name, value in found.items()}
    version = found["retrieve_export"]
    if isinstance(version, str) and version.isdecimal():
        found["retrieve_export"] = int(version)
    return found


def _record(
    names: list[str], where: str, cells: list[str] | str, header: Header
) -> tuple[str, Record | str]:
    if isinstance(cells, str):
        return where, cells
    if len(cells) != len(names):
        return where, f"it has {len(cells)} cells; wanted {len(names)}"
    try:
        made = _constants(names, cells) | {"dim": header.dim}
        if made != header.fields():
            raise BadInput("it states other networks than the first record")
        return where, record_from(
            _fields(dict(zip(names, cells, strict=True)), header.dim), header.dim
        )
    except BadInput as error:
        return where, str(error)


def _fields(cells: dict[str, str], dim: int) -> dict[str, Any]:
    fields: dict[str, Any] = {name: cells[name] or None for name in FIELDS}
    for name in TEXTS:
        fields[name] = None if fields[name] is None else cell_text(fields[name])
    embedding = [cells[f"e{i}"] for i in range(dim)]
    fields["embedding"] = embedding if any(embedding) else None
    try:
        for name in WHOLE:
            fields[name] = None if fields[name] is None else int(fields[name])
        for name in BROKEN:
            fields[name] = None if fields[name] is None else float(fields[name])
        for name in JOINED:
            fields[name] = (fields[name] or "").split(" ") if fields[name] else []
        fields["warnings"] = json.loads(fields["warnings"] or "[]")
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name} cannot be read: {error}") from error
    fields["landmarks"] = fields["landmarks"] or None
    return fields
