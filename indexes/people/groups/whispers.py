"""Chinese whispers: every node takes the label that its neighbours have most of.

Biemann 2006, "Chinese whispers: an efficient graph clustering algorithm and its application to
natural language processing problems". There nodes are visited one by one; here some at a time,
drawn anew in each round, which arrays do as fast as they can add. No two nodes that are kept
apart ever have one label: a node cannot take the label of a node that it is kept apart from, and
of two that want the same one at a time the weaker waits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.people.groups.graph import Edges
from retrieve.indexes.people.groups.links import Rows, both_ways

ROUNDS = 40  # by then nothing has changed for long, but for nodes between two labels
PARTS = 16  # of the nodes, at a time
SEED = 0


def whispers(n: int, edges: Edges, apart: Rows) -> Rows:
    """(n,) the label of each node; labels are numbers of nodes.

    edges  between nodes, weighed by their scores
    apart  (C, 2) nodes that may not have one label, each pair once
    """
    labels = np.arange(n, dtype=np.int64)
    ends = np.stack([edges.a, edges.b], axis=1)
    order = np.lexsort((np.concatenate([edges.b, edges.a]), np.concatenate([edges.a, edges.b])))
    near = np.concatenate([edges.b, edges.a])[order]
    weights = np.concatenate([edges.scores, edges.scores]).astype(np.float64)[order]
    starts = np.searchsorted(np.sort(ends.ravel()), np.arange(n + 1))
    foes = both_ways(apart)
    foe_starts = np.searchsorted(foes[:, 0], np.arange(n + 1))
    rng = np.random.default_rng(SEED)
    stirred = starts[1:] > starts[:-1]  # whose neighbours changed, or they themselves
    for _ in range(ROUNDS):
        waiting = np.flatnonzero(stirred)
        stirred = np.zeros(n, np.bool_)
        if not len(waiting):
            break
        for part in np.array_split(rng.permutation(waiting), PARTS):
            nodes = np.sort(part)
            moved, wanted, support = _wishes(nodes, labels, starts, near, weights, foes, foe_starts)
            allowed = _agreed(moved, wanted, support, foes, foe_starts, n)
            labels[moved[allowed]] = wanted[allowed]
            stirred[near[_ranges(starts, moved[allowed])[0]]] = True
            stirred[moved[~allowed]] = True
    return labels


def _wishes(
    nodes: Rows,
    labels: Rows,
    starts: Rows,
    near: Rows,
    weights: NDArray[np.float64],
    foes: Rows,
    foe_starts: Rows,
) -> tuple[Rows, Rows, NDArray[np.float64]]:
    """Nodes that would have another label, which, and how much speaks for it."""
    n = len(labels)
    at, local = _ranges(starts, nodes)
    if not len(at):
        none = np.empty(0, np.int64)
        return none, none, np.empty(0)
    keys = local * n + labels[near[at]]
    order = np.argsort(keys, kind="stable")
    keys, firsts = np.unique(keys[order], return_index=True)
    sums = np.add.reduceat(weights[at][order], firsts)
    against, by = _ranges(foe_starts, nodes)
    allowed = ~np.isin(keys, by * n + labels[foes[against, 1]])
    keys, sums = keys[allowed], sums[allowed]
    local, label = keys // n, keys % n
    # The most first; of equal sums the label that a node has already, then the lowest.
    kept = label == labels[nodes[local]]
    order = np.lexsort((label, ~kept, -sums, local))
    best = order[np.unique(local[order], return_index=True)[1]]
    best = best[~kept[best]]
    return nodes[local[best]], label[best], sums[best]


def _agreed(
    moved: Rows, wanted: Rows, support: NDArray[np.float64], foes: Rows, foe_starts: Rows, n: int
) -> NDArray[np.bool_]:
    """Which of the moves leave nodes apart that are kept apart: the weaker of two waits."""
    allowed = np.ones(len(moved), np.bool_)
    against, by = _ranges(foe_starts, moved)
    other = np.searchsorted(moved, foes[against, 1])  # moved is ascending
    there = other < len(moved)
    there[there] = moved[other[there]] == foes[against[there], 1]
    by, other = by[there], other[there]
    clash = wanted[by] == wanted[other]
    by, other = by[clash], other[clash]
    weaker = (support[by] < support[other]) | ((support[by] == support[other]) & (by > other))
    allowed[by[weaker]] = False
    return allowed


def _ranges(starts: Rows, nodes: Rows) -> tuple[Rows, Rows]:
    """Places of all that stands behind some nodes, and for each which of the nodes it is."""
    first, sizes = starts[nodes], starts[nodes + 1] - starts[nodes]
    local = np.repeat(np.arange(len(nodes)), sizes)
    begin = np.cumsum(sizes) - sizes
    return np.arange(len(local)) - begin[local] + first[local], local
