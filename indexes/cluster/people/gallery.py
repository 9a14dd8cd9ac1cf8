"""The embeddings of all shards as one gallery: read where they lie, a block at a time.

The graph is made shard by shard: a task holds the index of one shard's faces and looks the faces of
all shards up in it; what it returns are pairs alone. Of each face the nearest of all shards count.
A vector file is only appended to, so any process reads the rows that the catalog has committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import CollectionError
from retrieve.indexes.cluster.engines.engine import Engine
from retrieve.indexes.people.groups.gallery import Sums, sums
from retrieve.indexes.people.groups.graph import (
    EXACT_ROWS,
    NEIGHBOURS,
    Edges,
    Scores,
    made_index,
    near_rows,
    nearest_in,
    once,
)
from retrieve.indexes.people.groups.links import Rows
from retrieve.types import Embeddings

BLOCK_ROWS = 1 << 14
FEWEST_IN_CELLS = 4096  # rows of a shard: fewer are compared with all in the time of choosing cells

Found = tuple[Rows, Rows, Scores]


@dataclass(frozen=True, slots=True, eq=False)
class Lying:
    """Faces of one shard, where their embeddings lie.

    path   of the vector file
    rows   (n,) int64 in it
    first  the number of the first of these faces in the whole gallery
    """

    path: Path
    dim: int
    rows: Rows
    first: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def blocks(self, which: Rows | None = None) -> Iterator[tuple[int, Embeddings]]:
        """Some of the faces, by their places among them, or all: where a block begins, and it."""
        rows = self.rows if which is None else self.rows[which]
        if not len(rows):
            return
        held = self.path.stat().st_size // (4 * self.dim)
        if held <= int(rows.max()):
            raise CollectionError(
                f"{self.path} is damaged: it holds {held} embeddings. What is damaged is told by: "
                f"retrieve check -c {self.path.parent}"
            )
        mapped = np.memmap(self.path, "<f4", "r", shape=(held, self.dim))
        for start in range(0, len(rows), BLOCK_ROWS):
            yield start, np.asarray(mapped[rows[start : start + BLOCK_ROWS]], np.float32)

    def embeddings(self, which: Rows | None = None) -> Embeddings:
        """(n, D) of some of them, or of all."""
        count = len(self.rows) if which is None else len(which)
        found = np.empty((count, self.dim), np.float32)
        for start, block in self.blocks(which):
            found[start : start + len(block)] = block
        return found

    def only(self, which: Rows, first: int) -> Lying:
        return Lying(self.path, self.dim, self.rows[which], first)


def near_in(shard: Lying, every: Sequence[Lying], least: float, exact: bool) -> Found:
    """A task: for each face of all shards those of one shard that are nearest and score that.

    returns  the number of a face, the number of one that is near, their score; both of the gallery
    """
    gallery = shard.embeddings()
    index = made_index(gallery, exact=exact or len(shard) < FEWEST_IN_CELLS)
    found: list[Found] = []
    for one in every:
        for start, block in one.blocks():
            row, near, scores = nearest_in(index, block, least, NEIGHBOURS + 1)
            row, near = row + one.first + start, near + shard.first
            other = row != near
            found.append((row[other], near[other], scores[other]))
    return _together(found)


class Sharded:
    """A Gallery over shards.

    shards  in the order of the gallery's numbers
    """

    def __init__(self, shards: Sequence[Lying], engine: Engine) -> None:
        self._shards = list(shards)
        self._engine = engine
        sizes = [len(one) for one in shards]
        self._ends = np.cumsum(sizes, dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def edges(self, rows: Rows, least: float) -> Edges:
        """As Gallery.edges()."""
        N = len(rows)
        some = self._some(rows)
        jobs = [(one, some, least, N <= EXACT_ROWS) for one in some if len(one)]
        row, near, scores = _together(list(self._run(near_in, jobs, small=N <= EXACT_ROWS)))
        order = np.lexsort((near, -scores, row))
        row, near, scores = row[order], near[order], scores[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        best = rank < NEIGHBOURS
        return once(np.stack([row[best], near[best]], axis=1), scores[best], max(N, 1))

    def sums(self, rows: Rows, of: Rows, n: int) -> tuple[Sums, Rows]:
        """As Gallery.sums()."""
        dim = self._shards[0].dim if self._shards else 0
        found, sizes = np.zeros((n, dim)), np.zeros(n, np.int64)
        for shard, at, places in self._parts(rows):
            for start, block in shard.blocks(at):
                numbers, local = np.unique(
                    of[places[start : start + len(block)]], return_inverse=True
                )
                some, counts = sums(block, local, len(numbers))
                found[numbers] += some
                sizes[numbers] += counts
        return found, sizes

    def near(self, probes: Embeddings, rows: Rows, k: int) -> tuple[Scores, Rows]:
        """As Gallery.near()."""
        scores, near = [np.empty((len(probes), 0), np.float32)], [np.empty((len(probes), 0), int)]
        for shard, at, places in self._parts(rows):
            if len(at):
                found, which = near_rows(shard.embeddings(at), probes, k)
                scores.append(found)
                near.append(places[which])
        return best_of(np.concatenate(scores, axis=1), np.concatenate(near, axis=1), k)

    def embeddings(self, rows: Rows) -> Embeddings:
        """(n, D) of some of them, ascending."""
        return np.concatenate(
            [shard.embeddings(at) for shard, at, _ in self._parts(rows)]
            or [np.empty((0, 0), np.float32)]
        )

    def _parts(self, rows: Rows) -> Iterator[tuple[Lying, Rows, Rows]]:
        """By shard which of its faces are among some, and their places among these."""
        of = np.searchsorted(self._ends, rows, "right")
        for i, shard in enumerate(self._shards):
            places = np.flatnonzero(of == i)
            yield shard, rows[places] - (self._ends[i] - len(shard)), places

    def _some(self, rows: Rows) -> list[Lying]:
        """Some of the faces as a gallery of their own."""
        found, first = [], 0
        for shard, at, _ in self._parts(rows):
            found.append(shard.only(at, first))
            first += len(at)
        return found

    def _run(
        self, task: Callable[..., Found], jobs: Sequence[tuple[object, ...]], *, small: bool
    ) -> Iterator[Found]:
        """What a task makes of all jobs; few faces are not worth a process."""
        if small:
            yield from (task(*job) for job in jobs)
            return
        for done in self._engine.run(task, jobs):
            if done.result is None:
                raise CollectionError(f"the faces of a shard could not be compared: {done.error}")
            yield done.result


def best_of(scores: Scores, near: NDArray[np.int64], k: int) -> tuple[Scores, Rows]:
    """The k best of each row, best first, of which those with equal scores keep their order."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(near, order, 1)


def _together(found: Sequence[Found]) -> Found:
    if not found:
        none = np.empty(0, np.int64)
        return none, none, np.empty(0, np.float32)
    row, near, scores = zip(*found, strict=True)
    return np.concatenate(row), np.concatenate(near), np.concatenate(scores)
