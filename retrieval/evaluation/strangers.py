"""One to many, beforehand: the score that a stranger to a gallery reaches with a stated chance.

The best of N strangers scores higher the larger N is, so one threshold cannot serve every gallery.
A curve tells how often two strangers score as high as that; N of them, one after the other, are
1 - (1 - rate)^N likely to. The curve is counted where enough pairs of people were compared, and
above that it is a generalised Pareto distribution, as the excess over a high threshold tends to be
(Pickands 1975, "Statistical inference using extreme order statistics"), fitted by its moments
(Hosking and Wallis 1987). Beyond the rate that ten pairs of people show nothing was seen, and twins
exist: from there on the curve falls no faster than it does there, an exponential, so that no score
is called impossible.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.verification import Scores

RATES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)  # counted; the tail begins at the last
TAIL_PAIRS = 30  # pairs of people that a tail is fitted to at least
FEWEST_PEOPLE = 12  # of whom there are 66 pairs
SHAPE_PAIRS = 300  # and from which on their spread tells how it bends, too
SHAPES = (-0.25, 0.25)
SEEN_PAIRS = 10  # fewer pairs of people than these show no rate
# Faces of one person are not independent strangers: the best of n of them passes as often as n^.8
# independent ones. Of 48 people with eight photos and more the best of 2, 4, 8 passed 1.6 to 2.0,
# 2.7 to 3.1, 4.4 to 5.0 times as often as one, at rates of 1 in 1,000 to 1 in 10,000
# (python -m benchmarks.scores).
ALIKE = 0.8
# People of one family or origin score higher with each other than all people do, and so do photos
# of one kind. How much, the people of a gallery tell by themselves: at rates that their pairs show
# their scores are those of the curve, moved and stretched.
TOLD_RATES = (0.5, 0.2, 0.1, 0.05)
STRETCHED = (0.7, 1.1)


@dataclass(frozen=True, slots=True)
class Curve:
    """How often two strangers score as high as that, a score at a time.

    rates   of pairs, falling from 1; scores: the lowest score at which no more pass, rising
    scale   of the tail behind the last of them, in scores
    shape   of the tail: 0 is an exponential, below 0 it ends sooner, above 0 later
    seen    the lowest rate that the people it was fitted on can show
    pairs   of people that it was fitted on
    """

    rates: Sequence[float]
    scores: Sequence[float]
    scale: float
    shape: float
    seen: float
    pairs: float

    def score(self, rate: float) -> float:
        """The score that two strangers reach at that rate.

        rate    0 to 1, 0 excluded
        raises  BadInput for another
        """
        if not 0 < rate <= 1:
            raise BadInput(f"a false-match rate lies above 0 and is 1 at most; got {rate}")
        start = self.rates[-1]
        if rate >= start:
            knots = np.log(self.rates[::-1])
            return float(np.interp(math.log(rate), knots, self.scores[::-1]))
        seen = min(self.seen, start)
        at = self.scores[-1] + _excess(max(rate, seen) / start, self.scale, self.shape)
        return at if rate >= seen else at + self._beyond(seen) * math.log(seen / rate)

    def rate(self, score: float) -> float:
        """How often two strangers score as high as that, 0 to 1: what score() undoes."""
        start = self.rates[-1]
        if score <= self.scores[-1]:
            told = np.interp(score, self.scores, np.log(self.rates))
            return float(np.exp(told))
        seen = min(self.seen, start)
        last = self.scores[-1] + _excess(seen / start, self.scale, self.shape)
        if score >= last:
            return seen * math.exp(-(score - last) / self._beyond(seen))
        z = (score - self.scores[-1]) / self.scale
        if self.shape == 0:
            return start * math.exp(-z)
        return float(start * (1 + self.shape * z) ** (-1 / self.shape))

    def _beyond(self, seen: float) -> float:
        """How many scores the rate takes to fall by a factor of e, where nothing was seen."""
        return float(self.scale * (seen / self.rates[-1]) ** -self.shape)


def fit(scores: Scores, weights: NDArray[np.floating[Any]]) -> Curve:
    """The curve of pairs of strangers.

    scores   (M,) of pairs of photos that show two people
    weights  (M,) what each counts, as from pair_weights(): photos of two people are one pair of
             people, however many there are, and the sum is how many pairs of people there are
    raises   BadInput if there are not twice TAIL_PAIRS
    """
    if scores.shape != weights.shape or scores.ndim != 1:
        raise BadInput(f"wanted a weight for each score; got {scores.shape}, {weights.shape}")
    pairs = round(float(np.sum(weights)), 6)
    if pairs < 2 * TAIL_PAIRS:
        raise BadInput(
            f"a curve of strangers needs {2 * TAIL_PAIRS} pairs of people, so {FEWEST_PEOPLE} "
            f"people at least; got {pairs:g} pairs"
        )
    order = np.argsort(-scores, kind="stable")
    high, share = scores[order].astype(np.float64), np.cumsum(weights[order]) / np.sum(weights)
    start = max(RATES[-1], TAIL_PAIRS / pairs)
    rates = [rate for rate in RATES if rate > start] + [start]
    # A rate of 1 passes everything; a hair below, sums that are not quite 1 do not matter.
    places = [min(int(np.searchsorted(share, rate - 1e-12)), high.size - 1) for rate in rates]
    knots = np.maximum.accumulate(high[places])
    excess, counts = high[: places[-1]] - knots[-1], weights[order][: places[-1]]
    scale, shape = _tail(excess, counts, pairs * start)
    seen = min(start, SEEN_PAIRS / pairs)
    return Curve(rates, _rising(knots).tolist(), scale, shape, seen, pairs)


def of_people(curve: Curve, scores: Scores) -> Curve:
    """A curve of all people, moved to where some people's pairs lie.

    scores   (M,) of pairs of these people, each of whom has one photo
    returns  the scores of the curve, each a + b times as high, where a and b bring those at
             TOLD_RATES nearest to theirs, and b is within STRETCHED
    raises   BadInput for pairs of fewer people than a curve needs
    """
    if scores.size < 2 * TAIL_PAIRS:
        raise BadInput(f"wanted {2 * TAIL_PAIRS} pairs of people at least; got {scores.size}")
    theirs = np.quantile(scores.astype(np.float64), 1 - np.array(TOLD_RATES))
    all_people = np.array([curve.score(rate) for rate in TOLD_RATES])
    away = all_people - all_people.mean()
    b = float(np.clip(away @ (theirs - theirs.mean()) / (away @ away), *STRETCHED))
    a = float(theirs.mean() - b * all_people.mean())
    moved = [a + b * score for score in curve.scores]
    return replace(curve, scores=moved, scale=b * curve.scale)


def pair_weights(rows: Sequence[str], columns: Sequence[str]) -> NDArray[np.float64]:
    """(P, G) what pairs of photos count, so that each pair of people counts 1.

    rows     P identities of one side's photos; columns: G of the other's
    returns  zeros for pairs of one person
    """
    counts = [_counts(side) for side in (rows, columns)]
    same = np.equal.outer(np.asarray(rows, np.str_), np.asarray(columns, np.str_))
    found: NDArray[np.float64] = np.where(same, 0.0, 1 / np.outer(*counts))
    return found


def rate_for(chance: float, strangers: float) -> float:
    """The false-match rate of one comparison at which the best of so many passes by a chance.

    chance     that one of them does, above 0 and below 1
    strangers  how many, 1 at least; independent() tells how many a gallery's faces are
    raises     BadInput for others
    """
    if not 0 < chance < 1:
        raise BadInput(f"the chance that a stranger passes lies between 0 and 1; got {chance}")
    if not 1 <= strangers < math.inf:
        raise BadInput(f"wanted a gallery of one stranger at least; got {strangers}")
    return -math.expm1(math.log1p(-chance) / strangers)


def chance_of(rate: float, strangers: float) -> float:
    """That the best of so many strangers passes, where one of them does at that rate."""
    if not 0 <= rate <= 1 or not 0 <= strangers < math.inf:
        raise BadInput(
            f"wanted a false-match rate of 0 to 1 and how many there are; got {rate}, {strangers}"
        )
    if rate == 1:
        return 1.0 if strangers else 0.0
    return -math.expm1(strangers * math.log1p(-rate))


def independent(faces: Iterable[int]) -> float:
    """As how many strangers the faces of a gallery count.

    faces   of each person, 1 or more. Where it is not known whose they are, each face is a person
            of its own: that is the most that it can be
    raises  BadInput for a person without a face
    """
    counts = np.array(list(faces), np.float64)
    if counts.size and counts.min() < 1:
        raise BadInput(f"every person of a gallery has a face at least; got {int(counts.min())}")
    return float(np.sum(counts**ALIKE))


def _tail(
    excess: NDArray[np.float64], weights: NDArray[np.floating[Any]], pairs: float
) -> tuple[float, float]:
    """Scale and shape by the moments of what lies above the threshold."""
    if excess.size == 0 or np.max(excess) <= 0:
        raise BadInput("the best scores of strangers are all equal; a curve needs them to differ")
    mean = float(np.average(excess, weights=weights))
    if pairs < SHAPE_PAIRS:
        return mean, 0.0
    variance = max(float(np.average((excess - mean) ** 2, weights=weights)), 1e-18)
    shape = float(np.clip((1 - mean * mean / variance) / 2, *SHAPES))
    return mean * (1 - shape), shape


def _excess(share: float, scale: float, shape: float) -> float:
    """What a share of those above a threshold exceed it by."""
    if shape == 0:
        return -scale * math.log(share)
    return float(scale / shape * (share**-shape - 1))


def _rising(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same, each above the one before by a hair at least, so that the curve can be undone."""
    hairs: NDArray[np.float64] = np.arange(len(scores), dtype=np.float64)
    hairs *= 1e-9
    return scores + hairs


def _counts(people: Sequence[str]) -> NDArray[np.float64]:
    _, which, counts = np.unique(
        np.asarray(people, np.str_), return_inverse=True, return_counts=True
    )
    found: NDArray[np.float64] = counts[which].astype(np.float64)
    return found
