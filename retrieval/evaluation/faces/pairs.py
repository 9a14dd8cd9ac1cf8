"""Scores of all pairs of labelled faces, and what they show at each threshold.

A person counts once, however many photos there are: the pairs of one person weigh 1 together.
Pairs of strangers weigh the same, each. Terms as in ISO/IEC 19795-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.verification import threshold_at
from retrieve.types import Embeddings

RATES = (1e-1, 1e-2, 1e-3, 2e-4, 1e-5)  # false-match rates that are told of, where pairs show them
SHOWN_BY = 10  # pairs of strangers: a rate that fewer can show is not told
# Of the pairs of strangers with the highest scores it is kept whose they are, for intervals.
TAIL = 200_000
BLOCK = 512  # rows of scores at a time
NOT_FOUND = -2.0  # score of a face that was not found: below every cosine

People = NDArray[np.int64]  # (N,) who each face shows, as numbers from 0 on
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """Faces that were seen another time than they are stored.

    rows   (K, D) unit rows
    of     (K,) which of the stored faces each is
    found  (K,) which of them there are: one that there is not matches nobody
    """

    rows: Embeddings
    of: NDArray[np.int64]
    found: NDArray[np.bool_]


def probes_of(
    rows: Embeddings,
    of: NDArray[np.int64] | None = None,
    found: NDArray[np.bool_] | None = None,
) -> Probes:
    """Probes of all faces in their order, all of them found, where nothing else is said."""
    return Probes(
        rows,
        np.arange(len(rows)) if of is None else of,
        np.ones(len(rows), np.bool_) if found is None else found,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of faces by what they show.

    genuine      (G,) float32 scores of pairs that show one person, rising
    genuine_of   (G,) who that is
    weights      (G,) float64, what each counts
    impostor     (M,) float32 scores of pairs that show two, falling
    impostor_of  (T, 2) who these are, of the first T: TAIL or all
    faces        (2, P) how many faces of each person were compared on either side
    """

    genuine: NDArray[np.float32]
    genuine_of: People
    weights: Floats
    impostor: NDArray[np.float32]
    impostor_of: People
    faces: NDArray[np.int64]

    @property
    def rates(self) -> list[float]:
        """Those of RATES that as many pairs of strangers can show; the first, if none."""
        return [rate for rate in RATES if self.impostor.size * rate >= SHOWN_BY - 1e-6] or [
            RATES[0]
        ]

    def threshold(self, fmr: float) -> float:
        """The lowest threshold at which no more than that share of strangers passes."""
        return threshold_at(self.impostor, fmr)

    def missed(self, threshold: float) -> float:
        """FNMR: the share of the pairs of one person below a threshold."""
        below = int(np.searchsorted(self.genuine, np.float32(threshold), "left"))
        return float(self.weights[:below].sum() / self.weights.sum())

    def missed_by_person(self, threshold: float) -> tuple[Floats, Floats]:
        """(P,) the weight of each person's pairs below a threshold, and of all of them."""
        people = self.faces.shape[1]
        below = self.weights * (self.genuine < np.float32(threshold))
        return (
            np.bincount(self.genuine_of, below, people).astype(np.float64),
            np.bincount(self.genuine_of, self.weights, people).astype(np.float64),
        )

    def passing(self, threshold: float) -> float:
        """FMR: the share of the pairs of strangers that reach a threshold."""
        return float(np.mean(self.impostor >= np.float32(threshold)))

    def strangers_weight(self, drawn: Floats) -> float:
        """What all pairs of strangers count where each person was drawn so often (P,)."""
        one, other = self.faces[0] * drawn, self.faces[1] * drawn
        ordered = float(one.sum() * other.sum() - one @ other)
        everybody = float(self.faces[0].sum() * self.faces[1].sum() - self.faces[0] @ self.faces[1])
        return ordered * self.impostor.size / everybody  # half of them, where a pair has no order


def numbered(people: list[str]) -> People:
    """Names as numbers, in alphabetical order."""
    return np.unique(np.asarray(people, np.str_), return_inverse=True)[1].astype(np.int64)


def compare(
    faces: Embeddings,
    people: People,
    probes: Probes | None = None,
) -> Pairs:
    """All pairs of different faces.

    faces   (N, D) unit rows; people (N,)
    probes  each compared with all faces but its own; None compares the faces with one another,
            each two once
    raises  BadInput unless two faces are of one person and two of strangers
    """
    both = probes is None
    asked = probes_of(faces) if probes is None else probes
    own, own_of, other = [], [], []
    for start, scores in _blocks(asked, faces):
        of = asked.of[start : start + len(scores)]
        wanted = _compared(of, len(faces), both)
        same = people[of, None] == people[None]
        place = np.nonzero(wanted & same)
        own.append(scores[place])
        own_of.append(people[place[1]])
        other.append(scores[wanted & ~same])
    genuine, impostor = np.concatenate(own), np.concatenate(other)
    if not (genuine.size and impostor.size):
        raise BadInput(
            "wanted somebody with two faces, and two people at least; the labelled faces make "
            f"{genuine.size} pairs of one person and {impostor.size} of two"
        )
    impostor[::-1].sort()
    least = impostor[min(TAIL, impostor.size) - 1]
    order = np.argsort(genuine, kind="stable")
    who = np.concatenate(own_of)[order]
    counts = np.bincount(who, minlength=int(people.max()) + 1)
    P = int(people.max()) + 1
    return Pairs(
        genuine[order],
        who,
        1 / counts[who],
        impostor,
        _tail(asked, faces, people, both, float(least), min(TAIL, impostor.size)),
        np.stack([np.bincount(people[asked.of], minlength=P), np.bincount(people, minlength=P)]),
    )


def given(scores: NDArray[np.float32], same: NDArray[np.bool_], people: People) -> Pairs:
    """Pairs that somebody chose, which all count the same.

    scores  (N,); same (N,): whether a pair shows one person
    people  (N, 2) who they are
    raises  BadInput unless there are both kinds
    """
    if not same.any() or same.all():
        raise BadInput(f"wanted pairs of one person and of two; {same.sum()} of {same.size} are")
    own, other = np.flatnonzero(same), np.flatnonzero(~same)
    own = own[np.argsort(scores[own], kind="stable")]
    other = other[np.argsort(-scores[other], kind="stable")]
    each = np.bincount(people.ravel())
    return Pairs(
        scores[own],
        people[own, 0],
        np.ones(own.size),
        scores[other],
        people[other],
        np.stack([each, each]),
    )


def _compared(of: NDArray[np.int64], N: int, both: bool) -> NDArray[np.bool_]:
    """Which of a block's pairs count: each two once, or each with all others."""
    row, column = of[:, None], np.arange(N)[None]
    found: NDArray[np.bool_] = row < column if both else row != column
    return found


def _blocks(probes: Probes, faces: Embeddings) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Where a block begins, and its scores with all faces."""
    for start in range(0, len(probes.rows), BLOCK):
        scores = probes.rows[start : start + BLOCK] @ faces.T
        scores[~probes.found[start : start + BLOCK]] = NOT_FOUND
        yield start, scores


def _tail(
    probes: Probes, faces: Embeddings, people: People, both: bool, least: float, size: int
) -> People:
    """(size, 2) who the strangers are whose pairs score highest, the highest first."""
    kept, scored = [], []
    for start, scores in _blocks(probes, faces):
        of = probes.of[start : start + len(scores)]
        wanted = _compared(of, len(faces), both) & (scores >= np.float32(least))
        row, column = np.nonzero(wanted & (people[of, None] != people[None]))
        kept.append(np.stack([people[of[row]], people[column]], axis=1))
        scored.append(scores[row, column])
    order = np.argsort(-np.concatenate(scored), kind="stable")[:size]
    return np.concatenate(kept)[order]
