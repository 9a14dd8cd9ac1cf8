"""Scores of all pairs of labelled faces, and what they show at each threshold.

A person counts once, however many photos there are: the pairs of one person weigh 1 together.
Pairs of strangers weigh the same, each. Terms as in ISO/IEC 19795-1.
"""

from __future__ import annotations

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
        return [
            rate for rate in RATES if self.impostor.size * rate >= SHOWN_BY - 1e-6
        ] or [RATES[0]]

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
            np.bincount(self.genuine_of, below, people),
            np.bincount(self.genuine_of, self.weights, people),
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
    probes: Embeddings | None = None,
    found: NDArray[np.bool_] | None = None,
) -> Pairs:
    """All pairs of different faces.

    faces   (N, D) unit rows
    probes  (N, D) the same faces as they were seen another time, each of which is compared with
            all other faces; None compares the faces with one another, each two once
    found   (N,) which probes there are: those that there are not match nobody
    raises  BadInput unless two faces are of one person and two of strangers
    """
    N, both = len(faces), probes is None
    rows = faces if probes is None else probes
    own, own_of, other = [], [], []
    for start, scores in _blocks(rows, faces, found):
        wanted = _compared(start, len(scores), N, both)
        same = people[start : start + len(scores), None] == people[None]
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
    each = np.bincount(people)
    return Pairs(
        genuine[order],
        who,
        1 / counts[who],
        impostor,
        _tail(rows, faces, people, found, both, float(least), min(TAIL, impostor.size)),
        np.stack([each, each]),
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


def _compared(start: int, rows: int, N: int, both: bool) -> NDArray[np.bool_]:
    """Which of a block's pairs count: each two once, or each with all others."""
    row, column = np.arange(start, start + rows)[:, None], np.arange(N)[None]
    found: NDArray[np.bool_] = row < column if both else row != column
    return found


def _blocks(rows, faces, found):  # type: ignore[no-untyped-def]
    for start in range(0, len(rows), BLOCK):
        scores = rows[start : start + BLOCK] @ faces.T
        if found is not None:
            scores[~found[start : start + BLOCK]] = NOT_FOUND
        yield start, scores


def _tail(
    rows: Embeddings,
    faces: Embeddings,
    people: People,
    found: NDArray[np.bool_] | None,
    both: bool,
    least: float,
    size: int,
) -> People:
    """(size, 2) who the strangers are whose pairs score highest, the highest first."""
    kept, scored = [], []
    for start, scores in _blocks(rows, faces, found):
        wanted = _compared(start, len(scores), len(faces), both) & (scores >= np.float32(least))
        row, column = np.nonzero(wanted)
        apart = people[row + start] != people[column]
        row, column = row[apart], column[apart]
        kept.append(np.stack([people[row + start], people[column]], axis=1))
        scored.append(scores[row, column])
    order = np.argsort(-np.concatenate(scored), kind="stable")[:size]
    return np.concatenate(kept)[order]
