"""How much the search through the index misses, measured on the collection itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieve.errors import BadInput
from retrieve.indexes.catalog.filters import findable

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

FACES = 200
K = 10
SAME_SCORE = 1e-6  # two rows that score equally are equally right


@dataclass(frozen=True, slots=True)
class Recall:
    """How much of the exact search's answers the search through the index gives.

    faces      stored faces that were searched for, themselves left out
    k          answers of each
    found      of those `of` answers that the exact search gives
    low, high  the interval that holds the true share at 95 %
    indexed    False where there is no index, and every search is exact
    """

    faces: int
    k: int
    found: int
    of: int
    low: float
    high: float
    indexed: bool


def recall(collection: Collection, *, faces: int = FACES, seed: int = 1) -> Recall:
    """Search for some of the stored faces with the index and without, and compare.

    raises  BadInput if fewer than two faces are stored
    """
    from retrieve.evaluation.verification import rate

    vectors, engine = collection.faces, collection.engine
    space = vectors.space()
    rows = space.rows if space else 0
    keep = findable(collection.db, rows)
    living = np.arange(rows) if keep is None else np.flatnonzero(keep)
    if len(living) < 2:
        raise BadInput(f"recall needs two stored faces or more; there are {len(living)}")
    k = min(K, len(living) - 1)
    chosen = np.random.default_rng(seed).choice(living, min(faces, len(living)), replace=False)
    probes = engine.embeddings(np.sort(chosen))
    exact = engine.nearest(probes, k + 1, keep=keep, exact=True)
    indexed = engine.index() is not None
    asked = engine.nearest(probes, k + 1, keep=keep) if indexed else exact
    found = 0
    for own, scores, other, exact_scores, exact_rows in zip(
        np.sort(chosen), asked[0], asked[1], *exact, strict=True
    ):
        least = exact_scores[exact_rows != own][:k][-1]
        found += int(np.count_nonzero(scores[other != own][:k] >= least - SAME_SCORE))
    share = rate(found, k * len(probes))
    return Recall(len(probes), k, found, share.trials, share.low, share.high, indexed)
