"""Checksums of a vector file: one CRC-32 for each 1,024 rows, kept in the catalog.

A CRC goes on from where it stood, so that appending to a segment reads nothing back, and
what a disk did to earlier rows is not signed a second time. It finds every flipped bit and
every burst of up to 32 bits; against malice it is no protection.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from retrieval.types import Embeddings

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


def sound(gallery: Embeddings, segment: Segment) -> bool:
    """Whether a segment's bytes are those that were written."""
    return crc32(gallery[segment.first : segment.first + segment.rows]) == segment.crc


def _parts(first: int, embeddings: Embeddings) -> Iterator[tuple[int, Embeddings]]:
    """The rows cut where segments begin."""
    start = 0
    while start < len(embeddings):
        row = first + start
        stop = min(len(embeddings), start + SEGMENT_ROWS - row % SEGMENT_ROWS)
        yield row, embeddings[start:stop]
        start = stop
