"""How well a classifier tells classes apart, how far its probabilities are right, and how well
it notices texts of none of them.

Sources: Guo et al. 2017, "On calibration of modern neural networks" (the calibration error);
Hendrycks and Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution
examples" (AUROC of familiarity); Wilson 1927 (the intervals).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.verification import Rate, rate

BINS = 15  # of probability, as Guo et al. have them
RESAMPLES = 1000

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]  # (N,) numbers of classes


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """One class.

    precision  of the texts called so, how many are; None if none is called so
    recall     of the texts that are so, how many are called so; None if there is none
    """

    label: str
    precision: Rate | None
    recall: Rate | None


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """A classifier, measured on N texts.

    accuracy   with an interval that takes the texts as independent
    by_group   low, high: the interval at 95 % when whole groups (works, files) are drawn anew;
               None where there are no groups
    classes    in the order of the confusion matrix
    confusion  (K, K) int64: row the true class, column the one called
    ece        the expected calibration error, 0 to 1
    """

    accuracy: Rate
    by_group: tuple[float, float] | None
    classes: tuple[ClassQuality, ...]
    confusion: NDArray[np.int64]
    ece: float


def quality(
    classes: Sequence[str], truth: Labels, probabilities: Floats, groups: Sequence[str]
) -> Quality:
    """Measure probabilities against the truth; the most probable class is the one called.

    classes        K names
    truth          (N,)
    probabilities  (N, K)
    groups         N names of what the texts are from
    raises         BadInput without texts
    """
    called = probabilities.argmax(axis=1)
    right = called == truth
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (truth, called), 1)
    found = tuple(
        ClassQuality(label, _share(counts[i, i], column), _share(counts[i, i], row))
        for i, (label, row, column) in enumerate(
            zip(classes, counts.sum(axis=1), counts.sum(axis=0), strict=True)
        )
    )
    return Quality(
        rate(int(right.sum()), len(truth)),
        _by_group(right, groups),
        found,
        counts,
        calibration_error(truth, probabilities),
    )


def calibration_error(truth: Labels, probabilities: Floats) -> float:
    """How far the probability of the class called lies from how often it is right, on average.

    Texts are put into BINS bins of probability, and the differences weighed by their texts.
    """
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, sure, BINS) - np.bincount(bins, right, BINS)
    return float(np.abs(gaps).sum() / len(truth))


def auroc(known: Floats, unknown: Floats) -> float:
    """How probable it is that a text of the classes is more familiar than one of none, 0 to 1.

    known, unknown  (N,) and (M,) familiarity
    raises          BadInput if either is empty
    """
    if not (len(known) and len(unknown)):
        raise BadInput(f"wanted texts of the classes and of none; got {len(known)}, {len(unknown)}")
    ordered = np.sort(unknown)
    below = np.searchsorted(ordered, known, "left") + np.searchsorted(ordered, known, "right")
    return float(below.mean() / 2 / len(unknown))


def _share(hits: np.int64, trials: np.int64) -> Rate | None:
    return rate(int(hits), int(trials)) if trials else None


def _by_group(right: NDArray[np.bool_], groups: Sequence[str]) -> tuple[float, float] | None:
    names, numbers = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2 or len(names) == len(groups):
        return None
    hits, trials = np.bincount(numbers, right), np.bincount(numbers)
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    shares = hits[drawn].sum(axis=1) / trials[drawn].sum(axis=1)
    low, high = np.percentile(shares, (2.5, 97.5))
    return float(low), float(high)
