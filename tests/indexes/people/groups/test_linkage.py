"""Against the definition: the nearest two first, on average over all pairs, until none is left."""

import numpy as np
import pytest

from retrieve.indexes.people.groups.graph import edges
from retrieve.indexes.people.groups.linkage import linkage


def slow(rows, sizes, apart, least):
    """Groups as sets of groups, joined one pair at a time."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    members = {i: list(range(starts[i], starts[i + 1])) for i in range(len(sizes))}
    parts = {i: {i} for i in members}
    scores = rows @ rows.T
    no = {frozenset(pair) for pair in apart.tolist()}
    while True:
        best, pair = least, None
        for a in members:
            for b in members:
                if a >= b or any(frozenset((x, y)) in no for x in parts[a] for y in parts[b]):
                    continue
                mean = scores[np.ix_(members[a], members[b])].mean()
                if mean >= best:
                    best, pair = mean, (a, b)
        if pair is None:
            return {frozenset(part) for part in parts.values()}
        a, b = pair
        members[a] += members.pop(b)
        parts[a] |= parts.pop(b)


@pytest.mark.parametrize("seed", range(6))
def test_joins_as_the_definition_does(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, 14)
    centres = rng.standard_normal((4, 8))
    rows = np.repeat(centres[rng.integers(0, 4, 14)], sizes, axis=0)
    rows = rows + 0.7 * rng.standard_normal(rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    apart = np.array([[0, 1], [2, 9], [5, 3]]) if seed % 2 else np.empty((0, 2), np.int64)
    of = np.repeat(np.arange(14), sizes)
    sums = np.stack([rows[of == i].sum(axis=0) for i in range(14)])
    near = edges((sums / sizes[:, None]).astype(np.float32), 0.3, k=None)
    into = linkage(sums, sizes, near, apart, 0.4)
    found = {frozenset(np.flatnonzero(into == one).tolist()) for one in np.unique(into)}
    assert found == slow(rows, sizes, apart, 0.4)
    assert 1 < len(found) < 14
