"""From which cosine on a passage means what a query asks, and is not the best of those that don't.

A query's cosines with what it has nothing to do with lie about a mean of their own, wider or
narrower: that depends on the encoder, on the query, on what the collection is about. So they are
looked at, those of a sample of all passages, and taken for a normal distribution; near is what the
best of all that are searched would reach in one of ten searches for what is not there.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.search.engine import Engine
from retrieve.types import Embeddings

CHANCE = 0.1  # that any of the passages searched reaches the cosine, none being meant
SAMPLE, RUN = 256, 32  # passages, and how many of them lie side by side and are read at once
LEAST_SAMPLE = 30  # of fewer no distribution can be seen


def near_from(engine: Engine, probe: Embeddings, rows: int, searched: int, *, few: float) -> float:
    """The lowest cosine of what means the query.

    probe     (1, D) the query's embedding
    rows      committed ones
    searched  how many of them may be found, 1 or more
    few       the cosine where there are fewer rows than LEAST_SAMPLE
    """
    if rows < LEAST_SAMPLE:
        return few
    return reached_by_chance(engine.embeddings(sample(rows)) @ probe[0], searched)


def reached_by_chance(cosines: NDArray[np.float32], searched: int) -> float:
    """The cosine that the best of so many passages reaches by CHANCE, as those of a sample lie."""
    deviations = NormalDist().inv_cdf(1 - CHANCE / max(searched, 1))
    return float(cosines.mean() + deviations * cosines.std())


def sample(rows: int) -> NDArray[np.int64]:
    """The same rows each time, from everywhere."""
    if rows <= SAMPLE:
        return np.arange(rows)
    starts = np.linspace(0, rows - RUN, SAMPLE // RUN).astype(np.int64)
    return (starts[:, None] + np.arange(RUN)).ravel()
