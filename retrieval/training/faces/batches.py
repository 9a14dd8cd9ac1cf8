"""Who is trained on and who is held out, and which faces a step sees.

The same seed and step give the same faces, so that a run that was cut off can go on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput

FEWEST = 2  # people with two photos or more, on either side
People = NDArray[np.int64]  # (N,) who each face shows, as numbers from 0 on


def held_out(people: People, share: float, seed: int) -> NDArray[np.bool_]:
    """(N,) which faces are of people who are only measured.

    share   of those with two photos or more, and of those with one
    raises  BadInput if that leaves too few on a side
    """
    counts = np.bincount(people)
    generator = np.random.default_rng([seed, 0])
    chosen: list[int] = []
    for some in (np.flatnonzero(counts > 1), np.flatnonzero(counts == 1)):
        chosen += generator.permutation(some)[: round(len(some) * share)].tolist()
    out = np.isin(people, chosen)
    sides = [int(np.sum(np.bincount(people[side], minlength=1) > 1)) for side in (out, ~out)]
    if min(sides) < FEWEST:
        raise BadInput(
            f"wanted {FEWEST} people or more with two photos or more on either side; "
            f"{sides[1]} to train on, {sides[0]} held out. Give more people, or another --held-out"
        )
    return out


class Batches:
    """Faces for each step: some people with several faces each, and some with one."""

    def __init__(self, people: People, size: int, photos: int, seed: int) -> None:
        """size: people with two faces or more in a batch, and again as many with one;
        photos: faces of each.
        """
        counts = np.bincount(people)
        self._own = [np.flatnonzero(people == who) for who in np.flatnonzero(counts > 1)]
        self._alone = np.flatnonzero(counts[people] == 1)
        self._size, self._photos, self._seed = size, photos, seed

    def faces(self, step: int) -> NDArray[np.int64]:
        """Rows of the faces."""
        generator = np.random.default_rng([self._seed, 1, step])
        found: list[int] = []
        for who in generator.permutation(len(self._own))[: self._size]:
            found += generator.permutation(self._own[who])[: self._photos].tolist()
        found += generator.permutation(self._alone)[: self._size].tolist()
        return np.array(found, np.int64)
