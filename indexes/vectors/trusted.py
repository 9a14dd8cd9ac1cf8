"""Embeddings are looked at before an answer is made of them: do their checksums fit?

Only blocks that an answer reads are looked at, each once: what was found is kept as long as the
file has the size, the times and the number that it had then. A bit that turns on the disk while
its page is in memory is not read, so it changes no answer either.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import CollectionError
from retrieve.indexes.vectors import segments
from retrieve.indexes.vectors.segments import BLOCK_ROWS
from retrieve.types import Embeddings

if TYPE_CHECKING:
    from retrieve.indexes.vectors.spaces import Space, VectorSpace


class Damaged(CollectionError):
    """An answer would be made of embeddings that are not what was written."""


@dataclass(slots=True)
class _Verdict:
    """Of the blocks of one file, as it was seen.

    seen   as VectorSpace.seen()
    sound  (blocks,) which were looked at and are what was written
    whole  all of them
    """

    seen: tuple[int, ...]
    sound: NDArray[np.bool_]
    whole: bool = False


class Verdicts:
    """What was found about the vector files of a collection; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, _Verdict] = {}

    def check(
        self,
        vectors: VectorSpace,
        space: Space,
        gallery: Embeddings,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        """Look at rows of a space before they are believed; in the view of the catalog that
        `space` is of.

        gallery  (N, D) float32, the committed rows
        rows     numbers, in any order; all when None
        raises   Damaged
        """
        damaged = self._damaged(vectors, space, gallery, rows)
        if len(damaged):
            first = _first_row(int(damaged[0]))
            more = f" and in {len(damaged) - 1} places more" if len(damaged) > 1 else ""
            raise Damaged(
                f"{vectors.file(space).path.name} is damaged: what is in rows {first}–"
                f"{min(first + BLOCK_ROWS, space.rows) - 1}{more} is not what was written, and no "
                "answer is made of it. What is damaged is told by: retrieve check; to mend it: "
                "retrieve repair"
            )

    def sound(
        self, vectors: VectorSpace, space: Space, gallery: Embeddings, rows: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """(len(rows),) which of some rows are what was written."""
        damaged = self._damaged(vectors, space, gallery, rows)
        if not len(damaged):
            return np.ones(len(rows), np.bool_)
        return ~np.isin(_block_of(rows), damaged)

    def _damaged(
        self,
        vectors: VectorSpace,
        space: Space,
        gallery: Embeddings,
        rows: NDArray[np.int64] | None,
    ) -> NDArray[np.int64]:
        """Blocks with any of these rows that do not fit their checksums, ascending."""
        if not len(gallery):
            return np.empty(0, np.int64)
        verdict = self._verdict(vectors, space)
        if verdict.whole:
            return np.empty(0, np.int64)
        if rows is None:
            blocks = np.flatnonzero(~verdict.sound)
        else:
            blocks = _block_of(rows)
            wanted = np.zeros(len(verdict.sound), np.bool_)
            wanted[blocks] = True
            blocks = np.flatnonzero(wanted & ~verdict.sound)
        if len(blocks):
            if rows is not None:
                vectors.file(space).expect(map(_first_row, blocks.tolist()), BLOCK_ROWS)
            sound = _look(vectors, gallery, blocks)
            verdict.sound[blocks[sound]] = True  # by threads at once, too: both have looked
            verdict.whole = bool(verdict.sound.all())
            blocks = blocks[~sound]
        return blocks

    def _verdict(self, vectors: VectorSpace, space: Space) -> _Verdict:
        seen = vectors.seen(space)
        with self._lock:
            held = self._of.get(space.name)
            if held is None or held.seen != seen:
                last = int(_block_of(np.array([space.rows - 1]))[0])
                held = self._of[space.name] = _Verdict(seen, np.zeros(last + 1, np.bool_))
            return held


def _look(
    vectors: VectorSpace, gallery: Embeddings, blocks: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(len(blocks),) which of some blocks have the checksums of the catalog."""
    per, dying = _blocks_per_segment(), vectors.dying()
    firsts = blocks // per * _rows()
    every = {one.first: one for one in vectors.segments(sorted(set(firsts.tolist())))}
    sound = np.zeros(len(blocks), np.bool_)
    for i, (block, of) in enumerate(zip(blocks.tolist(), firsts.tolist(), strict=True)):
        if (segment := every.get(of)) is not None:
            first = _first_row(block)
            last = min(first + BLOCK_ROWS, segment.first + segment.rows)
            data = segments.living(gallery, first, last, dying)
            wanted = segments.block_crc(segment, block % per)
            sound[i] = len(data) > 0 and segments.crc32(data) == wanted
    return sound


def _first_row(block: int) -> int:
    number, place = divmod(block, _blocks_per_segment())
    return number * _rows() + place * BLOCK_ROWS


def _block_of(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return rows // _rows() * _blocks_per_segment() + rows % _rows() // BLOCK_ROWS


def _blocks_per_segment() -> int:
    return -(-_rows() // BLOCK_ROWS)


def _rows() -> int:
    return segments.SEGMENT_ROWS
