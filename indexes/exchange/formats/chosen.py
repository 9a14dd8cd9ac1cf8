"""Which module writes and reads which format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from retrieve.errors import BadInput
from retrieve.indexes.exchange.records import Header, Record


class Format(StrEnum):
    """The formats of an export."""

    JSONL = "jsonl"
    CSV = "csv"
    NPZ = "npz"
    PARQUET = "parquet"


SUFFIXES = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".csv": Format.CSV,
    ".npz": Format.NPZ,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}


def format_named(name: str) -> Format:
    """The format of that name; raises BadInput for another one."""
    try:
        return Format(name.lower())
    except ValueError as error:
        raise BadInput(f"wanted a format: {', '.join(Format)}; got {name!r}") from error


class _Module(Protocol):
    def writing(
        self, path: Path, header: Header, *, crops: bool
    ) -> AbstractContextManager[Callable[[Record], None]]: ...

    def reading(
        self, path: Path
    ) -> AbstractContextManager[tuple[Header, Iterator[tuple[str, Record | str]]]]: ...


def format_of(path: Path) -> Format:
    """The format that a file's suffix names; raises BadInput for another suffix."""
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise BadInput(f"{path.name} names no format: {', '.join(SUFFIXES)}, or say --to FORMAT")
    return found


def module(format: Format) -> _Module:
    """What writes and reads a format; only that one is imported."""
    match format:
        case Format.JSONL:
            from retrieve.indexes.exchange.formats import jsonl

            return jsonl
        case Format.CSV:
            from retrieve.indexes.exchange.formats import table

            return table
        case Format.NPZ:
            from retrieve.indexes.exchange.formats import npz

            return npz
        case Format.PARQUET:
            from retrieve.indexes.exchange.formats import parquet

            return parquet


@contextmanager
def reading(path: Path) -> Iterator[tuple[Header, Iterator[tuple[str, Record | str]]]]:
    """The header of an export, and for each record where it stands and what it says.

    raises  BadInput if it is none
    """
    if not path.is_file():
        raise BadInput(f"no such file: {path}")
    with module(format_of(path)).reading(path) as opened:
        yield opened
