"""What was said, as a clustering has to respect it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.indexes.people.replay import Held, replay


@dataclass(frozen=True, slots=True)
class Links:
    """What a clustering has to respect, by the ids of stored faces.

    pinned  whose the faces are of which that was said
    must    (M, 2) int64, pairs that are one person: of each person's pinned faces the first with
            every other one
    cannot  (K, 2) int64, pairs that are two, the first pinned face of each: of any two persons
            with names, of two who were said not to be the same, and of two one of whom got faces
            that had been thought the other's. With `must` the others follow. That two faces of
            one photo are two people is not in it, for unless somebody said otherwise it holds for
            all photos
    """

    pinned: Mapping[int, int]
    must: NDArray[np.int64]
    cannot: NDArray[np.int64]


def links(db: Database, only: Collection[int] | None = None) -> Links:
    """What was said of faces that are stored, as a clustering has to respect it.

    only  of these, as of the living ones
    """
    held = replay(db)
    pinned = {
        face: whose
        for face, whose in sorted(held.whose.items())
        if (face > 0 if only is None else face in only)
    }
    first: dict[int, int] = {}
    must = []
    for face, whose in pinned.items():
        if first.setdefault(whose, face) != face:
            must.append((first[whose], face))
    cannot = sorted((first[one], first[other]) for one, other in _two(held, set(first)))
    return Links(
        pinned,
        np.array(must, np.int64).reshape(-1, 2),
        np.array(cannot, np.int64).reshape(-1, 2),
    )


def _two(held: Held, there: set[int]) -> set[tuple[int, int]]:
    """Pairs of some persons who were said to be two, the lower id first."""
    named = sorted(id for id in there if held.names.get(id) is not None)
    return {*combinations(named, 2), *(pair for pair in held.parted() if there.issuperset(pair))}
