"""Average linkage between groups, exactly: two groups score the mean of all pairs across them.

Sokal and Michener 1958. That mean is the inner product of the groups' means, so no pair of faces
is looked at. Joining two groups never brings a third one nearer than the nearer of them was
(Bruynooghe 1977): so pairs below the threshold need not be known, and groups that are each
other's nearest may be joined at once, in whatever order; what comes out is the tree that joins
the nearest two first, cut at the threshold. A pair that is kept apart scores below everything,
and so does whatever either is joined with, which leaves all of that true.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.people.groups.graph import Edges
from retrieve.indexes.people.groups.links import Rows, distinct

Sums = NDArray[np.float64]
PAIRS_AT_ONCE = 1 << 18


def linkage(sums: Sums, sizes: Rows, near: Edges, apart: Rows, least: float) -> Rows:
    """(K,) the group that each one was joined into, a number of one of those joined.

    sums   (K, D) of the embeddings of each group
    sizes  (K,) faces of each
    near   pairs of groups that may score as high as `least`: all of them, or it is not exact
    apart  (C, 2) groups that are two people
    """
    K = len(sums)
    into = np.arange(K, dtype=np.int64)
    sums, faces = sums.copy(), sizes.astype(np.float64)
    pairs, apart = distinct(np.stack([near.a, near.b], axis=1)), distinct(apart)
    while True:
        pairs = pairs[~np.isin(_keys(pairs, K), _keys(apart, K))]
        scores = _scores(sums, faces, pairs)
        pairs, scores = pairs[scores >= least], scores[scores >= least]
        if not len(pairs):
            return into
        chosen = pairs[_mutual(pairs, scores, K)]
        stays, goes = chosen[:, 0], chosen[:, 1]
        sums[stays] += sums[goes]
        faces[stays] += faces[goes]
        step = np.arange(K, dtype=np.int64)
        step[goes] = stays
        into = step[into]
        pairs, apart = step[pairs], step[apart]
        pairs = distinct(pairs[pairs[:, 0] != pairs[:, 1]])
        apart = distinct(apart)


def _scores(sums: Sums, sizes: NDArray[np.float64], pairs: Rows) -> NDArray[np.float64]:
    found = np.empty(len(pairs))
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        a, b = pairs[start : start + PAIRS_AT_ONCE].T
        found[start : start + len(a)] = np.einsum("pd,pd->p", sums[a], sums[b])
    found /= sizes[pairs[:, 0]] * sizes[pairs[:, 1]]
    return found


def _mutual(pairs: Rows, scores: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
    """Which pairs are the nearest of both their ends; of equal scores the lowest pair."""
    rank = np.empty(len(pairs), np.int64)
    rank[np.lexsort((pairs[:, 1], pairs[:, 0], -scores))] = np.arange(len(pairs))
    best = np.full(n, len(pairs))
    np.minimum.at(best, pairs[:, 0], rank)
    np.minimum.at(best, pairs[:, 1], rank)
    found: NDArray[np.bool_] = (best[pairs[:, 0]] == rank) & (best[pairs[:, 1]] == rank)
    return found


def _keys(pairs: Rows, n: int) -> Rows:
    """A number for each pair, the same whichever way round it stands."""
    found: Rows = pairs.min(axis=1) * n + pairs.max(axis=1)
    return found
