"""The protocol of Labeled Faces in the Wild: is this one person, asked of pairs in folds, with
the threshold that is best on the other folds.

Source: Huang et al. 2007, "Labeled Faces in the Wild: a database for studying face recognition in
unconstrained environments" (View 2: ten folds of 300 pairs of one person and 300 of two, nobody in
two folds; mean and standard error over folds).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.faces.pairs import People

FOLDS = 10
EACH = 300  # pairs of either kind in a fold, at most

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Pairs of faces in folds.

    one, other  (N,) rows of the faces
    same        (N,) whether they show one person
    fold        (N,) number of the fold
    """

    one: Ints
    other: Ints
    same: NDArray[np.bool_]
    fold: Ints


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The share of pairs told right.

    mean   over folds
    error  its standard error, from how the folds differ
    folds  of each
    threshold  the mean of those that the folds were told by
    pairs  in all
    """

    mean: float
    error: float
    folds: tuple[float, ...]
    threshold: float
    pairs: int


def chosen(
    people: People,
    *,
    first: NDArray[np.bool_] | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> Chosen | None:
    """Pairs by chance in folds of people, as many of one person as of two in each.

    people   (N,) who each face shows
    first    (N,) which faces may be the first of a pair; None is all
    folds    fewer where there are not as many people with two faces
    returns  None where there are too few people for two folds of two
    """
    rng = np.random.default_rng((seed, 0xF01D))
    counts = np.bincount(people)
    may = np.ones(len(people), np.bool_) if first is None else first
    asked = np.bincount(people[may], minlength=len(counts)) > 0
    several = np.flatnonzero((counts > 1) & asked)
    single = np.flatnonzero((counts > 0) & ~((counts > 1) & asked))
    folds = min(folds, len(several), (len(several) + len(single)) // 2)
    if folds < 2:
        return None
    fold_of = np.zeros(len(counts), np.int64)
    order = np.concatenate([rng.permutation(several), rng.permutation(single)])
    fold_of[order] = np.arange(len(order)) % folds
    parts = []
    for number in range(folds):
        rows = np.flatnonzero(fold_of[people] == number)
        one, other = np.triu_indices(len(rows), k=1)
        turned = ~may[rows[one]]
        one, other = np.where(turned, other, one), np.where(turned, one, other)
        one, other = one[may[rows[one]]], other[may[rows[one]]]
        same = people[rows[one]] == people[rows[other]]
        own, strangers = np.flatnonzero(same), np.flatnonzero(~same)
        each = min(EACH, len(own), len(strangers))
        places = np.concatenate(
            [rng.choice(own, each, replace=False), rng.choice(strangers, each, replace=False)]
        )
        parts.append((rows[one[places]], rows[other[places]], same[places]))
    one, other, same = (np.concatenate(column) for column in zip(*parts, strict=True))
    fold = np.repeat(np.arange(folds), [len(part[0]) for part in parts])
    return Chosen(one, other, same, fold)


def accuracy(scores: NDArray[np.float32], same: NDArray[np.bool_], fold: Ints) -> Accuracy:
    """How many pairs are told right, each fold by the threshold that suits the others best.

    scores, same, fold  (N,)
    raises              BadInput for one fold
    """
    numbers = np.unique(fold)
    if len(numbers) < 2:
        raise BadInput("wanted pairs in two folds at least; they are all in one")
    shares, thresholds = [], []
    for number in numbers:
        here = fold == number
        threshold = best_threshold(scores[~here], same[~here])
        thresholds.append(threshold)
        shares.append(float(np.mean((scores[here] >= threshold) == same[here])))
    error = float(np.std(shares, ddof=1) / np.sqrt(len(shares)))
    return Accuracy(
        float(np.mean(shares)), error, tuple(shares), float(np.mean(thresholds)), len(scores)
    )


def best_threshold(scores: NDArray[np.float32], same: NDArray[np.bool_]) -> float:
    """The threshold by which most pairs are told right: of several the middle one.

    It lies half way between two scores, or beyond all of them.
    """
    order = np.argsort(scores, kind="stable")
    rising = scores[order].astype(np.float64)
    # With the threshold below place i those from i on pass.
    right = np.concatenate([[0], np.cumsum(~same[order])]) + np.concatenate(
        [np.cumsum(same[order][::-1])[::-1], [0]]
    )
    cuts = np.concatenate([[rising[0] - 1], (rising[1:] + rising[:-1]) / 2, [rising[-1] + 1]])
    # Equal scores cannot be told apart.
    right[1:-1][rising[1:] == rising[:-1]] = -1
    best = np.flatnonzero(right == right.max())
    return float(cuts[best[len(best) // 2]])
