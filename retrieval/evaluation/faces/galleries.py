"""One to many with labelled faces: galleries drawn by chance, one face a person.

Probes are the other faces of the gallery's people, strangers all faces of all others. A share is
one of probes, with an interval by drawing people anew. Terms as in Grother, Ngan and Hanaoka 2019,
NISTIR 8271, and ISO/IEC 19795-1: TPIR, of those in the gallery who are found and pass; FPIR, of
strangers who pass. FPIR grows with the gallery, so it is told at each size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.evaluation.faces.pairs import People, Probes, probes_of
from retrieve.evaluation.faces.resampling import Share, share
from retrieve.types import Embeddings

SIZES = (10, 100, 400, 1000, 4000)
DRAWS = 20
FEWEST_STRANGERS = 10  # people beside a gallery, for it to be asked about strangers
FPIR = 0.01  # at which TPIR is told

# People in a gallery → the threshold that strangers pass with a stated chance.
Stated = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Both rates at one threshold, the mean of the draws' where each has its own."""

    threshold: float
    accepted: Share
    identified: Share


@dataclass(frozen=True, slots=True)
class Gallery:
    """Open-set identification with a gallery of N people.

    people      N
    strangers   people beside it
    fixed       at one threshold for all sizes
    stated      at the product's for N people at a stated chance; None without a calibration
    measured    TPIR at the threshold that a share FPIR of the strangers passes; their own, so a
                little too good
    """

    people: int
    strangers: int
    fixed: AtThreshold
    stated: AtThreshold | None
    measured: AtThreshold


class _Tally:
    """Hits and trials by person, over all draws."""

    def __init__(self, people: int) -> None:
        self._thresholds: list[float] = []
        self._accepted, self._identified = np.zeros((2, people)), np.zeros((2, people))

    def add(
        self,
        threshold: float,
        strangers: tuple[People, NDArray[np.float32]],
        known: tuple[People, NDArray[np.float32]],
    ) -> None:
        """Who, and the best score of each; of the known -inf where it is somebody else's."""
        self._thresholds.append(threshold)
        for tally, (who, best) in ((self._accepted, strangers), (self._identified, known)):
            np.add.at(tally[0], who, best >= np.float32(threshold))
            np.add.at(tally[1], who, 1)

    def told(self, seed: int) -> AtThreshold:
        return AtThreshold(
            float(np.mean(self._thresholds)),
            share(*self._accepted, seed=seed),
            share(*self._identified, seed=seed),
        )


def first_rank(
    faces: Embeddings,
    people: People,
    probes: Probes | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Share:
    """Closed set: the share of probes whose best in a gallery of everybody is their person.

    faces   (N, D) unit rows; people (N,)
    probes  of whom each is asked for where its own face is not in the gallery; None is the faces
    """
    rng = np.random.default_rng((seed, 0x6A11))
    asked = probes_of(faces) if probes is None else probes
    hits, trials = np.zeros((2, int(people.max()) + 1))
    for _ in range(draws):
        stored = _one_each(people, np.unique(people), rng)
        # Whoever has one face has no other to be asked for.
        which = np.flatnonzero(~np.isin(asked.of, stored))
        scores = asked.rows[which] @ faces[stored].T
        who = people[asked.of[which]]
        right = (people[stored][scores.argmax(axis=1)] == who) & asked.found[which]
        np.add.at(hits, who, right)
        np.add.at(trials, who, 1)
    return share(hits, trials, seed=seed)


def open_set(
    faces: Embeddings,
    people: People,
    fixed: float,
    stated: Stated | None = None,
    *,
    sizes: tuple[int, ...] = SIZES,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Gallery]:
    """Open set, at each size that leaves FEWEST_STRANGERS people outside.

    fixed   the threshold that stays the same
    stated  the threshold for a gallery of N
    Otherwise as first_rank(); people with two faces are put into galleries first.
    """
    counts = np.bincount(people)
    several, single = np.flatnonzero(counts > 1), np.flatnonzero(counts == 1)
    galleries = []
    for size in sizes:
        if size > len(counts) - FEWEST_STRANGERS:
            break
        rng = np.random.default_rng((seed, size))
        tallies = [_Tally(len(counts)) for _ in range(3)]
        for _ in range(draws):
            inside = np.concatenate([rng.permutation(several), rng.permutation(single)])[:size]
            stored = _one_each(people, inside, rng)
            outside = np.flatnonzero(~np.isin(people, inside))
            own = np.setdiff1d(np.flatnonzero(np.isin(people, inside)), stored)
            strangers = people[outside], (faces[outside] @ faces[stored].T).max(axis=1)
            scores = faces[own] @ faces[stored].T
            is_right = people[stored][scores.argmax(axis=1)] == people[own]
            known = people[own], np.where(is_right, scores.max(axis=1), -np.inf)
            least = float(np.quantile(strangers[1], 1 - FPIR, method="higher"))
            thresholds = (
                fixed,
                float(np.nextafter(np.float32(least), np.float32(np.inf))),
                fixed if stated is None else stated(size),
            )
            for tally, threshold in zip(tallies, thresholds, strict=True):
                tally.add(threshold, strangers, known)
        told = [tally.told(seed) for tally in tallies]
        galleries.append(
            Gallery(
                size,
                len(counts) - size,
                fixed=told[0],
                measured=told[1],
                stated=None if stated is None else told[2],
            )
        )
    return galleries


def _one_each(people: People, inside: People, rng: np.random.Generator) -> NDArray[np.int64]:
    """A face of each of these people, by chance."""
    order = rng.permutation(len(people))
    _, first = np.unique(people[order], return_index=True)
    one: NDArray[np.int64] = order[first][np.sort(inside)]
    return one
