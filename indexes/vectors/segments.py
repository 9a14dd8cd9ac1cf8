"""Checksums of a vector file: one CRC-32 for each 1,024 rows, kept in the catalog.

A CRC goes on from where it stood, so that appending to a segment reads nothing back, and
what a disk did to earlier rows is not signed a second time. It finds every flipped bit and
every burst of up to 32 bits; against malice it is no protection.

Dead rows count as zeros from the moment at which they die, so that it does not matter how
far the overwriting has come when its process is killed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.types import Embeddings

SEGMENT_ROWS = 1024  # half a megabyte of 128-d rows: what one bad bit makes repair look at


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows [first, first + rows) of a space and their checksum."""

    first: int
    rows: int
    crc: int


def crc32(embeddings: Embeddings, before: int = 0) -> int:
    """CRC-32 of the rows' little-endian bytes, going on from `before`."""
    return zlib.crc32(embeddings.astype("<f4", copy=False).tobytes(), before)


def segments(db: Database, space: str) -> list[Segment]:
    """All segments of a space, in order."""
    rows = db.execute(
        "SELECT first, rows, crc FROM segments WHERE space = ? ORDER BY first", [space]
    )
    return [Segment(*row) for row in rows]


def append(db: Database, space: str, first: int, embeddings: Embeddings) -> None:
    """State the checksums of rows that were written from `first` on."""
    for start, part in _parts(first, embeddings):
        segment = start - start % SEGMENT_ROWS
        if start == segment:
            put(db, space, Segment(segment, len(part), crc32(part)))
            continue
        held, crc = db.execute(
            "SELECT rows, crc FROM segments WHERE space = ? AND first = ?", [space, segment]
        ).fetchone()
        assert segment + held == start
        put(db, space, Segment(segment, held + len(part), crc32(part, crc)))


def put(db: Database, space: str, segment: Segment) -> None:
    db.execute(
        "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?)",
        [space, segment.first, segment.rows, segment.crc],
    )


def content(gallery: Embeddings, segment: Segment, dying: NDArray[np.int64]) -> Embeddings:
    """A segment's rows; fewer where the gallery is shorter.

    dying    rows of the gallery, ascending, that count as zeros whatever they hold
    returns  (rows, D) float32
    """
    end = segment.first + segment.rows
    rows = gallery[segment.first : end]
    start, stop = np.searchsorted(dying, [segment.first, segment.first + len(rows)])
    if start < stop:
        rows = np.array(rows)
        rows[dying[start:stop] - segment.first] = 0
    return rows


def sound(gallery: Embeddings, segment: Segment, dying: NDArray[np.int64]) -> bool:
    """Whether a segment's bytes are those that were written."""
    rows = content(gallery, segment, dying)
    return len(rows) == segment.rows and crc32(rows) == segment.crc


def _parts(first: int, embeddings: Embeddings) -> Iterator[tuple[int, Embeddings]]:
    """The rows cut where segments begin."""
    start = 0
    while start < len(embeddings):
        row = first + start
        stop = min(len(embeddings), start + SEGMENT_ROWS - row % SEGMENT_ROWS)
        yield row, embeddings[start:stop]
        start = stop
