"""The embeddings that a grouping looks at, and what it asks of them: they may lie in one array, or
in many files that no memory holds at once (indexes/cluster/people/gallery.py).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.people.groups.graph import Edges, Scores, edges, near_rows
from retrieve.indexes.people.groups.links import Rows
from retrieve.types import Embeddings

Sums = NDArray[np.float64]


class Gallery(Protocol):
    """N embeddings, unit rows, by their numbers 0 to N - 1."""

    def __len__(self) -> int: ...

    def edges(self, rows: Rows, least: float) -> Edges:
        """The pairs of some rows, ascending, that score that and more, as graph.edges(); its ends
        count among those rows.
        """
        ...

    def sums(self, rows: Rows, of: Rows, n: int) -> tuple[Sums, Rows]:
        """(n, D) sums of some rows by the number that each has in `of`, and (n,) how many."""
        ...

    def near(self, probes: Embeddings, rows: Rows, k: int) -> tuple[Scores, Rows]:
        """Scores (Q, k') and places among some rows of those nearest to each probe, best first."""
        ...


class Held:
    """A Gallery in an array.

    embeddings  (N, D) float32
    """

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    def __len__(self) -> int:
        return len(self._embeddings)

    def edges(self, rows: Rows, least: float) -> Edges:
        return edges(self._some(rows), least)

    def sums(self, rows: Rows, of: Rows, n: int) -> tuple[Sums, Rows]:
        return sums(self._some(rows), of, n)

    def near(self, probes: Embeddings, rows: Rows, k: int) -> tuple[Scores, Rows]:
        return near_rows(self._some(rows), probes, k)

    def _some(self, rows: Rows) -> Embeddings:
        every = len(rows) == len(self._embeddings)
        return np.ascontiguousarray(self._embeddings if every else self._embeddings[rows])


def sums(rows: Embeddings, of: Rows, n: int) -> tuple[Sums, Rows]:
    """(n, D) sums of rows by their number, and (n,) how many there are of each."""
    order = np.argsort(of, kind="stable")
    ids, starts, counts = np.unique(of[order], return_index=True, return_counts=True)
    found, sizes = np.zeros((n, rows.shape[1])), np.zeros(n, np.int64)
    if len(ids):
        found[ids] = np.add.reduceat(rows[order].astype(np.float64), starts, axis=0)
        sizes[ids] = counts
    return found, sizes
