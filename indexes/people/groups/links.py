"""What holds whatever faces look like: some are one person, and some are two.

Rows that are said to be one person are one block: from there on they go together. A link that
keeps two rows apart keeps their blocks apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput

Rows = NDArray[np.int64]


def components(n: int, a: Rows, b: Rows) -> Rows:
    """(n,) which connected component of a graph each node is in, numbered by their first nodes.

    a, b  (E,) ends of the edges
    """
    root = np.arange(n, dtype=np.int64)
    while len(a):
        low, high = np.minimum(root[a], root[b]), np.maximum(root[a], root[b])
        apart = low < high
        a, b = a[apart], b[apart]
        np.minimum.at(root, high[apart], low[apart])
        while True:  # to the root of the root, until there is none above
            above = root[root]
            if np.array_equal(above, root):
                break
            root = above
    found: Rows = np.unique(root, return_inverse=True)[1].astype(np.int64)
    return found


def checked_pairs(pairs: Rows, n: int, what: str) -> Rows:
    """(P, 2) the same, of rows that there are.

    raises  BadInput for others
    """
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise BadInput(f"wanted {what} of shape (pairs, 2); got {pairs.shape}")
    if len(pairs) and not 0 <= pairs.min() <= pairs.max() < n:
        raise BadInput(f"wanted {what} of rows 0 to {n - 1}; got {pairs.min()} to {pairs.max()}")
    return pairs.astype(np.int64)


def pairs_within(groups: Rows) -> Rows:
    """(P, 2) all pairs of rows that have the same number, the lower row first.

    groups  (N,) as the photo that each face is in
    """
    order = np.argsort(groups, kind="stable").astype(np.int64)
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    found = []
    for size in np.unique(sizes[sizes > 1]).tolist():
        first, second = np.triu_indices(size, k=1)
        at = starts[sizes == size][:, None]
        found.append(np.stack([order[at + first], order[at + second]], axis=-1).reshape(-1, 2))
    return np.concatenate(found) if found else np.empty((0, 2), np.int64)


def apart(blocks: Rows, said: Rows, photos: Rows) -> Rows:
    """(C, 2) which blocks are two people, each pair once, the lower first.

    blocks  (N,) of the rows
    said    (P, 2) pairs of rows that are said to be two people
    photos  (N,) the photo of each row: two faces of one photo are two people, unless they were
            said to be one
    raises  BadInput if rows of one block are said to be two people
    """
    ends = blocks[said]
    torn = np.flatnonzero(ends[:, 0] == ends[:, 1])
    if len(torn):
        one, other = said[torn[0]].tolist()
        raise BadInput(f"rows {one} and {other} are said to be one person, and two")
    ends = np.concatenate([ends, blocks[pairs_within(photos)]])
    return distinct(ends[ends[:, 0] != ends[:, 1]])


def distinct(pairs: Rows) -> Rows:
    """Each pair once, the lower number first, in order."""
    return np.unique(np.sort(pairs, axis=1), axis=0)


def both_ways(pairs: Rows) -> Rows:
    """(2 P, 2) each pair as it is and turned, ordered by the first."""
    turned = np.concatenate([pairs, pairs[:, ::-1]])
    return turned[np.lexsort((turned[:, 1], turned[:, 0]))]
