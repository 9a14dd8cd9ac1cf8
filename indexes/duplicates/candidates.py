"""Which pairs of photos are worth a closer look: near in looks, or in time and looks.

Never all pairs: those of a graph of nearest neighbours, and for bursts each photo with the next
ones by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.people.groups.graph import Edges, edges
from retrieve.types import Embeddings

Rows = NDArray[np.int64]

NEIGHBOURS = 16  # of a photo that are looked at: of more copies each is near some
# Pairs of different photos that are compared in vain, about: the threshold follows from it, so that
# the time they take does not grow with the collection. Their photos are read for nothing.
VAIN_PAIRS = 5_000
HIGHEST_CHANCE = 0.63  # that a photo has such a neighbour: about one each
BURST_S = 5.0  # from one shot to the next
BURST_NEXT = 8  # shots after it that a shot is compared with
BURST_SCORE = 0.3  # a thousandth of all pairs reach it (calibration), and those are rarely so near
TO_THE_SECOND = len("2019-07-09T18:30:05")


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of photos, each once, by their places.

    a, b     (E,) a < b
    scores   (E,) cosine
    apart_s  (E,) seconds between the shots; NaN where that is not known
    """

    a: Rows
    b: Rows
    scores: NDArray[np.float32]
    apart_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.a)


def chance_of_vain(photos: int) -> float:
    """The chance that a photo has a different one as near as the threshold, of so many photos."""
    return min(HIGHEST_CHANCE, 2 * VAIN_PAIRS / max(1, photos))


def candidates(rows: Embeddings, times: NDArray[np.float64], least: float) -> Pairs:
    """The pairs that score that and more, and those that a burst may be.

    rows   (N, D) unit rows
    times  (N,) seconds as seconds_of() gives them
    """
    near = edges(rows, least, k=NEIGHBOURS)
    quick = _next_shots(rows, times)
    n = len(rows)
    key = np.concatenate([near.a * n + near.b, quick.a * n + quick.b])
    scores = np.concatenate([near.scores, quick.scores])
    key, first = np.unique(key, return_index=True)
    a, b = key // max(1, n), key % max(1, n)
    return Pairs(a, b, scores[first], np.abs(times[a] - times[b]))


def seconds_of(taken_at: Sequence[str | None]) -> NDArray[np.float64]:
    """Seconds since 1970 of times that are known to the second, as the camera's clock had them;
    NaN of others.
    """
    found = np.full(len(taken_at), np.nan)
    for at, said in enumerate(taken_at):
        if said is not None and len(said) >= TO_THE_SECOND:
            try:
                when = datetime.fromisoformat(said)
            except ValueError:
                continue
            found[at] = (when.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
    return found


def _next_shots(rows: Embeddings, times: NDArray[np.float64]) -> Edges:
    """Pairs within BURST_S that score BURST_SCORE."""
    order = np.argsort(times, kind="stable")
    order = order[: int(np.isfinite(times).sum())]  # NaN sorts last
    ends, found = [np.empty((0, 2), np.int64)], [np.empty(0, np.float32)]
    for step in range(1, BURST_NEXT + 1):
        one, other = order[:-step], order[step:]
        quick = times[other] - times[one] <= BURST_S
        one, other = one[quick], other[quick]
        scores = np.einsum("nd,nd->n", rows[one], rows[other])
        near = scores >= BURST_SCORE
        ends.append(np.stack([one[near], other[near]], axis=1))
        found.append(scores[near].astype(np.float32))
    pairs = np.concatenate(ends)
    return Edges(pairs.min(axis=1), pairs.max(axis=1), np.concatenate(found))
