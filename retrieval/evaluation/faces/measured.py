"""What an embedder is worth on labelled faces, by all protocols at once.

Verification: accuracy in folds, missed pairs at false-match rates, equal error rate.
Identification: rank 1 and open set. The same seed gives the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieve.evaluation.faces import folds, galleries, pairs, resampling
from retrieve.evaluation.faces.folds import Accuracy
from retrieve.evaluation.faces.galleries import Gallery, Stated
from retrieve.evaluation.faces.pairs import Pairs, People
from retrieve.evaluation.faces.resampling import Share
from retrieve.evaluation.verification import equal_error_rate
from retrieve.types import Embeddings

OPERATING = 2e-4  # the false-match rate whose threshold is the default of a calibration


@dataclass(frozen=True, slots=True)
class At:
    """What is missed at a false-match rate.

    fmr        of pairs of strangers
    threshold  at which no more of them pass
    missed     FNMR, of the pairs of one person; TAR is what is left
    """

    fmr: float
    threshold: float
    missed: Share


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """An embedder on labelled faces.

    faces, people  how many
    pairs          the scores that it is told from
    accuracy       of the protocol in folds; None where there are too few people for them
    at             at each false-match rate that the pairs can show
    equal          the rate at which as many strangers pass as pairs are missed
    first          closed set, a gallery of everybody: None of chosen pairs
    galleries      open set, by size
    """

    faces: int
    people: int
    pairs: Pairs
    accuracy: Accuracy | None
    at: tuple[At, ...]
    equal: Share
    first: Share | None = None
    galleries: tuple[Gallery, ...] = ()

    @property
    def operating(self) -> At:
        """The rate that other figures are told at: the default's, or the lowest there is."""
        return next((one for one in self.at if one.fmr <= OPERATING), self.at[-1])


def measure(
    faces: Embeddings, people: People, *, stated: Stated | None = None, seed: int = 0
) -> Measured:
    """All protocols on the faces of labelled people.

    faces   (N, D) unit rows; people (N,) numbers from 0 on, each of which has a face
    stated  people in a gallery → threshold that the product takes for it
    raises  BadInput unless somebody has two faces and there are two people
    """
    every = pairs.compare(faces, people)
    at, equal = rates(every, seed)
    verified = Measured(
        len(faces), int(people.max()) + 1, every, _in_folds(faces, people, seed), at, equal
    )
    return replace(
        verified,
        first=galleries.first_rank(faces, people, seed=seed),
        galleries=tuple(
            galleries.open_set(faces, people, verified.operating.threshold, stated, seed=seed)
        ),
    )


def measure_pairs(
    scores: NDArray[np.float32],
    same: NDArray[np.bool_],
    fold: NDArray[np.int64],
    people: People,
    *,
    faces: int,
    seed: int = 0,
) -> Measured:
    """The protocol on pairs that somebody chose.

    scores, same, fold  (N,); people (N, 2) who they are
    faces               how many different ones
    raises              BadInput unless there are pairs of both kinds and two folds
    """
    every = pairs.given(scores, same, people)
    at, equal = rates(every, seed)
    told = folds.accuracy(scores, same, fold)
    return Measured(faces, len(np.unique(people)), every, told, at, equal)


def rates(every: Pairs, seed: int) -> tuple[tuple[At, ...], Share]:
    """What is missed at the rates that the pairs show, and the equal error rate."""
    shown = every.rates
    equal, _ = equal_error_rate(every.genuine, every.impostor, every.weights)
    found = resampling.errors(every, shown, equal, seed=seed)
    told = zip(shown, found.missed, strict=True)
    return tuple(At(fmr, every.threshold(fmr), missed) for fmr, missed in told), found.equal


def _in_folds(faces: Embeddings, people: People, seed: int) -> Accuracy | None:
    chosen = folds.chosen(people, seed=seed)
    if chosen is None:
        return None
    scores = np.einsum("nd,nd->n", faces[chosen.one], faces[chosen.other])
    return folds.accuracy(scores, chosen.same, chosen.fold)
