"""Checksums of a vector file: one CRC-32 for each 1,024 rows, and for each 16, in the catalog.

A CRC goes on from where it stood, so that appending to a segment reads nothing back, and
what a disk did to earlier rows is not signed a second time. It finds every flipped bit and
every burst of up to 32 bits; against malice it is no protection.

The first says what is to be made again, the second is looked at before rows are believed
(trusted.py).

Dead rows count as zeros from the moment at which they die, so that it does not matter how
far the overwriting has come when its process is killed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.types import Embeddings

SEGMENT_ROWS = 1024  # half a megabyte of 128-d rows: what one bad bit makes repair look at
BLOCK_ROWS = 16  # 8 kB of 128-d rows: a cold search looks at 3 MB for its 400 candidates
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows [first, first + rows) of a space and their checksum.

    blocks  CRC-32 of each BLOCK_ROWS of them, little-endian uint32
    """

    first: int
    rows: int
    crc: int
    blocks: bytes


def crc32(embeddings: Embeddings, before: int = 0) -> int:
    """CRC-32 of the rows' little-endian bytes, going on from `before`."""
    return zlib.crc32(embeddings.astype("<f4", copy=False).tobytes(), before)


def segments(db: Database, space: str) -> list[Segment]:
    """All segments of a space, in order."""
    rows = db.execute(
        "SELECT first, rows, crc, blocks FROM segments WHERE space = ? ORDER BY first", [space]
    )
    return [Segment(*row) for row in rows]


def append(db: Database, space: str, first: int, embeddings: Embeddings) -> None:
    """State the checksums of rows that were written from `first` on."""
    for start, part in _parts(first, embeddings):
        segment = start - start % SEGMENT_ROWS
        if start == segment:
            put(db, space, Segment(segment, len(part), crc32(part), block_crcs(part)))
            continue
        held, crc, blocks = db.execute(
            "SELECT rows, crc, blocks FROM segments WHERE space = ? AND first = ?", [space, segment]
        ).fetchone()
        assert segment + held == start
        longer = _longer(blocks, held, part)
        put(db, space, Segment(segment, held + len(part), crc32(part, crc), longer))


def put(db: Database, space: str, segment: Segment) -> None:
    db.execute(
        "INSERT OR REPLACE INTO segments (space, first, rows, crc, blocks) VALUES (?, ?, ?, ?, ?)",
        [space, segment.first, segment.rows, segment.crc, segment.blocks],
    )


def drop(db: Database, space: str, first: int) -> None:
    db.execute("DELETE FROM segments WHERE space = ? AND first = ?", [space, first])


def block_crcs(rows: Embeddings) -> bytes:
    """Of rows that begin where a block does."""
    starts = range(0, len(rows), BLOCK_ROWS)
    return b"".join(_CRC.pack(crc32(rows[start : start + BLOCK_ROWS])) for start in starts)


def block_crc(segment: Segment, number: int) -> int | None:
    """What a segment's block should have; None where the catalog does not tell."""
    kept = segment.blocks[number * _CRC.size : (number + 1) * _CRC.size]
    return int(_CRC.unpack(kept)[0]) if len(kept) == _CRC.size else None


def _longer(blocks: bytes, held: int, rows: Embeddings) -> bytes:
    """The checksums of a segment of `held` rows after rows were put behind them."""
    begun = held % BLOCK_ROWS
    if not begun or len(blocks) != -(-held // BLOCK_ROWS) * _CRC.size:
        return blocks + block_crcs(rows)
    most = BLOCK_ROWS - begun
    (last,) = _CRC.unpack(blocks[-_CRC.size :])
    return blocks[: -_CRC.size] + _CRC.pack(crc32(rows[:most], last)) + block_crcs(rows[most:])


def content(gallery: Embeddings, segment: Segment, dying: NDArray[np.int64]) -> Embeddings:
    """A segment's rows; fewer where the gallery is shorter.

    dying    rows of the gallery, ascending, that count as zeros whatever they hold
    returns  (rows, D) float32
    """
    return living(gallery, segment.first, segment.first + segment.rows, dying)


def living(gallery: Embeddings, first: int, last: int, dying: NDArray[np.int64]) -> Embeddings:
    """Rows [first, last) likewise."""
    rows = gallery[first:last]
    start, stop = np.searchsorted(dying, [first, first + len(rows)])
    if start < stop:
        rows = np.array(rows)
        rows[dying[start:stop] - first] = 0
    return rows


def sound(gallery: Embeddings, segment: Segment, dying: NDArray[np.int64]) -> bool:
    """Whether a segment's bytes are those that were written, by both kinds of checksums."""
    return all(agrees(gallery, segment, dying))


def agrees(gallery: Embeddings, segment: Segment, dying: NDArray[np.int64]) -> tuple[bool, bool]:
    """Whether the checksum of a segment fits its bytes, and whether those of its blocks do.

    Where one of them does the embeddings are right, and the other checksum is damaged.
    """
    rows = content(gallery, segment, dying)
    if len(rows) != segment.rows:
        return False, False
    return crc32(rows) == segment.crc, block_crcs(rows) == segment.blocks


def _parts(first: int, embeddings: Embeddings) -> Iterator[tuple[int, Embeddings]]:
    """The rows cut where segments begin."""
    start = 0
    while start < len(embeddings):
        row = first + start
        stop = min(len(embeddings), start + SEGMENT_ROWS - row % SEGMENT_ROWS)
        yield row, embeddings[start:stop]
        start = stop
