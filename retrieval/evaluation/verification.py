"""One to one: how well a score tells "same person" from "another person".

Terms as in ISO/IEC 19795-1. A pair passes when score >= threshold; FMR is the share
of impostor pairs that pass, FNMR the share of genuine pairs that do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput

Scores = NDArray[np.floating[Any]]  # (N,) any float, higher is closer
BINS = 15  # of probability


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of trials with the interval that holds the true rate at 95 %.

    hits, trials  what was counted
    low, high     Wilson's score interval (1927)
    """

    hits: int
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.hits / self.trials


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Both error rates at every threshold that tells two sets of pairs apart.

    threshold  (T,) ascending; the last is +inf, which no pair passes
    fmr, fnmr  (T,) in 0..1; fmr falls, fnmr rises
    """

    threshold: NDArray[np.float64]
    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64]


def rate(hits: int, trials: int, *, z: float = 1.96) -> Rate:
    """A share with its Wilson interval; z is the normal quantile, 1.96 for 95 %.

    Trials that share a photo or a person are not independent, so for pairs the
    interval is a lower bound on the uncertainty.
    raises  BadInput without trials, or with more hits than trials
    """
    if not 0 <= hits <= trials or trials == 0:
        raise BadInput(f"a rate needs 0 <= hits <= trials and a trial; got {hits} of {trials}")
    share, shrink = hits / trials, 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At the ends the formula meets 0 and 1 exactly, but for rounding.
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == trials else middle + half
    return Rate(hits, trials, low, high)


def false_match_rate(impostor: Scores, threshold: float) -> Rate:
    """FMR: impostor pairs that pass the threshold, of all."""
    return rate(int(np.count_nonzero(_checked(impostor) >= threshold)), impostor.size)


def false_non_match_rate(genuine: Scores, threshold: float) -> Rate:
    """FNMR: genuine pairs that fall below the threshold, of all."""
    return rate(int(np.count_nonzero(_checked(genuine) < threshold)), genuine.size)


def threshold_at(impostor: Scores, fmr: float) -> float:
    """The lowest threshold at which no more than fmr of the impostor pairs pass.

    fmr      wanted false-match rate, 0 to 1; 0 asks for a threshold none passes
    returns  just above the highest impostor score that has to fail, in the scores'
             own precision
    raises   BadInput without scores or with a rate outside 0..1
    """
    if not 0 <= fmr <= 1:
        raise BadInput(f"a false-match rate lies between 0 and 1; got {fmr}")
    descending = np.sort(_checked(impostor))[::-1]
    may_pass = math.floor(fmr * descending.size + 1e-9)  # 1e-9: 0.07 * 100 is 7
    if may_pass == descending.size:
        return float(descending[-1])
    # Ties with the first one that has to fail fail with it.
    return float(np.nextafter(descending[may_pass], np.inf, dtype=descending.dtype))


def expected_error(genuine: Scores, impostor: Scores) -> float:
    """The expected calibration error of probabilities that two faces are one person.

    genuine   (N,) probabilities of pairs that show one person
    impostor  (M,) of pairs that show two; both kinds weigh one half in all
    returns   how far a probability lies from the share that is one person, on average over BINS
              bins of probability

    Source: Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using
    Bayesian binning".
    """
    shares = []
    for scores in (_checked(genuine), _checked(impostor)):
        bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
        shares.append([np.bincount(bins, w, BINS) / (2 * scores.size) for w in (None, scores)])
    (same, stated), (_, also) = shares
    return float(np.abs(stated + also - same).sum())


def roc(genuine: Scores, impostor: Scores, weights: NDArray[np.float64] | None = None) -> Roc:
    """FMR and FNMR at every distinct score, lowest first, and at infinity.

    weights  what each genuine pair counts; None is the same
    """
    order = np.argsort(_checked(genuine), kind="stable")
    genuine, impostor = genuine[order], np.sort(_checked(impostor))
    threshold = np.append(np.unique(np.concatenate([genuine, impostor])), np.inf)
    each = np.ones(genuine.size) if weights is None else weights[order]
    lost = np.concatenate([[0.0], np.cumsum(each)])
    below = lost[np.searchsorted(genuine, threshold, side="left")]
    passing = impostor.size - np.searchsorted(impostor, threshold, side="left")
    return Roc(threshold.astype(np.float64), passing / impostor.size, below / lost[-1])


def equal_error_rate(
    genuine: Scores, impostor: Scores, weights: NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """The error rate where FMR and FNMR cross, and the threshold there; weights as of roc().

    The two rates are steps, so they seldom meet: the rate is their mean at the
    threshold where they lie closest.
    """
    curve = roc(genuine, impostor, weights)
    at = int(np.argmin(np.abs(curve.fmr - curve.fnmr)))
    return float((curve.fmr[at] + curve.fnmr[at]) / 2), float(curve.threshold[at])


def _checked(scores: Scores) -> Scores:
    if scores.ndim != 1 or scores.size == 0 or not np.isfinite(scores).all():
        raise BadInput(f"scores must be a non-empty row of finite numbers; got {scores.shape}")
    return scores
