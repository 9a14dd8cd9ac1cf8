"""The graph of nearest neighbours: pairs of faces that score as high as a threshold.

Exact where it takes seconds; above that each row is compared with the rows of the nearest of
many cells alone (FAISS's IVF: Sivic and Zisserman 2003, "Video Google"), which loses few pairs
that score as high as faces of one person do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.people.groups.links import Rows
from retrieve.types import Embeddings

Scores = NDArray[np.float32]

NEIGHBOURS = 64  # of each row at most: of a person with a thousand photos more add nothing
EXACT_ROWS = 40_000  # 40,000 all with all take 6 CPU s
ROWS_AT_ONCE = 4096
# Of the cells, four times the root of the rows, each row is sought in so many.
CELLS_SOUGHT = 24
TRAINED_ON = 40  # rows a cell
SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Pairs of rows, each once.

    a, b    (E,) int64, a < b, in their order
    scores  (E,) cosine
    """

    a: Rows
    b: Rows
    scores: Scores

    def __len__(self) -> int:
        return len(self.a)


def edges(rows: Embeddings, least: float, *, k: int | None = NEIGHBOURS) -> Edges:
    """The pairs that score that and more, each once; above EXACT_ROWS rows a few are missed.

    rows  (N, D) float32; unit rows, or means of such
    k     only pairs of which one is among the k nearest of the other; None takes all
    """
    N = len(rows)
    if N < 2:
        return Edges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    index = made_index(rows)
    ends, found = [], []
    for start in range(0, N, ROWS_AT_ONCE):
        probes = rows[start : start + ROWS_AT_ONCE]
        row, near, scores = nearest_in(index, probes, least, None if k is None else k + 1)
        other = row + start != near
        ends.append(np.stack([row[other] + start, near[other]], axis=1))
        found.append(scores[other])
    return once(np.concatenate(ends), np.concatenate(found), N)


def nearest_in(
    index: Any, probes: Embeddings, least: float, k: int | None
) -> tuple[Rows, Rows, Scores]:
    """Probe, row of the index and score of all that score that and more.

    k  at most so many of each probe, the best; None takes all
    """
    if k is None:
        limits, scores, near = index.range_search(probes, least)
        row = np.repeat(np.arange(len(probes)), np.diff(limits).astype(np.int64))
    else:
        scores, near = index.search(probes, min(k, index.ntotal))
        row, place = np.nonzero((scores >= least) & (near >= 0))
        scores, near = scores[row, place], near[row, place]
    return row.astype(np.int64), near.astype(np.int64), scores


def near_rows(rows: Embeddings, probes: Embeddings, k: int) -> tuple[Scores, Rows]:
    """Scores and rows (Q, k') of the rows nearest to each probe, best first, exactly."""
    import faiss

    scores, near = faiss.knn(probes, rows, min(k, len(rows)), metric=faiss.METRIC_INNER_PRODUCT)
    return scores, near.astype(np.int64)


def made_index(rows: Embeddings, *, exact: bool | None = None) -> Any:
    """FAISS's index of some rows.

    exact  whether all rows are compared; None is up to EXACT_ROWS
    """
    import faiss

    N, D = rows.shape
    if N <= EXACT_ROWS if exact is None else exact:
        index: Any = faiss.IndexFlatIP(D)
    else:
        cells = 1 << round(math.log2(4 * math.sqrt(N)))
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(D), D, cells, faiss.METRIC_INNER_PRODUCT)
        index.nprobe = CELLS_SOUGHT
        index.cp.seed, index.cp.max_points_per_centroid = SEED, TRAINED_ON
        index.cp.spherical = True
        index.train(rows)
    index.add(rows)
    return index


def once(pairs: Rows, scores: Scores, n: int) -> Edges:
    """Each pair of n rows once, whichever way round it was found, in order."""
    key, first = np.unique(pairs.min(axis=1) * n + pairs.max(axis=1), return_index=True)
    return Edges(key // n, key % n, scores[first].astype(np.float32))
