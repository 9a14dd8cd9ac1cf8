"""A file as the catalog knows it: its path, text or bytes where it is not UTF-8, and its looks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import CollectionError


@dataclass(frozen=True, slots=True)
class Found:
    """One file and what tells, without reading it, whether it has changed.

    ctime_ns  catches what mtime does not: a file of equal length put in its place with
              its date kept
    """

    path: Path
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


def stored(path: Path) -> str | bytes:
    """A path as text, or as its bytes where they are not UTF-8, which SQLite text must be."""
    raw = os.fsencode(path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def path_of(kept: str | bytes) -> Path:
    """The path that was stored; raises CollectionError for what is none, as only damage makes."""
    if not isinstance(kept, (str, bytes)):
        raise CollectionError(
            "the catalog is damaged: a number lies where the path of a file should. What is "
            "damaged is told by: retrieve check; to mend it: retrieve repair"
        )
    return Path(os.fsdecode(kept) if isinstance(kept, bytes) else kept)


def under(folder: Path) -> tuple[str, list[str | bytes]]:
    """SQL for "path lies under folder" with its values, as ranges of the path's index."""
    prefix = os.fsencode(folder).rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    text: list[str | bytes] = []
    try:
        text = [prefix.decode("utf-8"), end.decode("utf-8")]
    except UnicodeDecodeError:
        return "(path >= ? AND path < ?)", [prefix, end]
    return "((path >= ? AND path < ?) OR (path >= ? AND path < ?))", [*text, prefix, end]
