"""N-gram models with interpolated modified Kneser-Ney smoothing: what a network has to beat.

Counted in numpy by sorting: an n-gram is the number of its first n - 1 pieces among the
(n - 1)-grams, times the vocabulary, plus its last piece.
Source: Chen & Goodman 1998, "An empirical study of smoothing techniques for language
modeling"; the discounts where a count is missing are those of Heafield's KenLM (2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FALLBACK = (0.5, 1.0, 1.5)  # for counts of 1, 2, 3 and more

Ids = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """The n-grams of one length.

    keys     (G,) ascending
    shares   (G,) the discounted count over the sum of its context
    left     (contexts,) what the discounts leave to the shorter n-gram; 1 where none is known
    """

    keys: Longs
    shares: Doubles
    left: Doubles


class KneserNey:
    """The probability of a piece after the `order - 1` before it; order 1 and 2 as well."""

    def __init__(self, ids: Ids, size: int, order: int) -> None:
        """Count a text.

        ids    (M,) one stream, 0 ≤ id < size
        order  1 is the unigram model, 2 the bigram model
        """
        self.size = size
        self.order = order
        self._levels: list[_Level] = []
        grams = np.zeros(len(ids) + 1, np.int64)  # of the empty n-gram there is one
        contexts = 1
        counts: list[tuple[Longs, Longs, int]] = []
        for length in range(1, order + 1):
            starts = len(ids) - length + 1
            keys = grams[:starts] * size + ids[length - 1 :]
            keys, first, inverse, count = _unique(keys)
            if counts:
                # Shorter n-grams count in how many different places they stand.
                before, _, over = counts[-1]
                counts[-1] = before, np.bincount(grams[first + 1], minlength=len(before)), over
            counts.append((keys, count, contexts))
            grams, contexts = inverse, len(keys)
        self._levels = [_level(*level, size) for level in counts]

    def losses(self, ids: Ids, before: Ids) -> Doubles:
        """(M,) negative log-probabilities (nats) of the ids of a text.

        before  what stood before it, in the same text or of its start
        """
        stream = np.concatenate([before, ids]).astype(np.int64)
        targets = np.arange(len(before), len(stream))
        found = np.full(len(ids), 1 / self.size)
        grams = np.zeros(len(stream), np.int64)  # of the n-gram that starts here, -1: not known
        for length, level in enumerate(self._levels, 1):
            longer = np.full(len(stream), -1, np.int64)
            starts = np.arange(len(stream) - length + 1)
            context = grams[starts]
            keys = context * self.size + stream[length - 1 :]
            at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            known = (level.keys[at] == keys) & (context >= 0)
            longer[starts[known]] = at[known]
            inside = targets >= length - 1
            begin = targets[inside] - length + 1
            context, gram = grams[begin], longer[begin]
            left = np.where(context >= 0, level.left[context], 1.0)
            share = np.where(gram >= 0, level.shares[gram], 0.0)
            found[inside] = share + left * found[inside]
            grams = longer
        return np.asarray(-np.log(found))


def _level(keys: Longs, counts: Longs, contexts: int, size: int) -> _Level:
    context = keys // size
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    sums = np.bincount(context, counts, contexts)
    taken = np.bincount(context, discounts, contexts)
    known = sums > 0
    left = np.divide(taken, sums, out=np.ones(contexts), where=known)
    shares = (counts - discounts) / np.maximum(sums[context], 1)
    return _Level(keys, shares, left)


def _discounts(counts: Longs) -> Doubles:
    """(4,) what is taken from a count of 0, 1, 2, 3 and more."""
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == n)) for n in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:
        return np.array([0, *FALLBACK])
    y = n1 / (n1 + 2 * n2)
    taken = [
        n - (n + 1) * y * more / few for n, few, more in ((1, n1, n2), (2, n2, n3), (3, n3, n4))
    ]
    return np.array(
        [0, *(t if 0 < t < n else f for n, t, f in zip((1, 2, 3), taken, FALLBACK, strict=True))]
    )


def _unique(keys: Longs) -> tuple[Longs, Longs, Longs, Longs]:
    """Ascending keys, where each stands first, for each place its key's number, counts."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    new = np.empty(len(keys), bool)
    new[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    begins = np.flatnonzero(new)
    inverse = np.empty(len(keys), np.int64)
    inverse[order] = np.cumsum(new) - 1
    return ordered[begins], order[begins], inverse, np.diff(begins, append=len(keys))
