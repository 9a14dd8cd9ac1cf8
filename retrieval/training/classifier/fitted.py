"""What is fitted after the network, on texts that it was not trained on: a temperature that
makes probabilities right, and a threshold below which a text belongs to none of the classes.

Sources: Guo et al. 2017, "On calibration of modern neural networks"; Platt 1999, "Probabilistic
outputs for support vector machines" (targets that are not quite 0 and 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.extras import optional
from retrieve.text.classifiers.classify import familiarity, probabilities
from retrieve.text.classifiers.file import Fitted

HOTTEST = 100.0  # temperatures are looked for between 1 / HOTTEST and HOTTEST
SHORT = (8, 14, 20, 28, 40, 52, 70)  # most characters of the classes of short texts
ENOUGH = 200  # texts of a class from which it has a threshold
SMALLEST = 1e-30  # probability, so that its logarithm is finite

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


def fit(
    logits: Floats,
    truth: Labels,
    passes: float,
    lengths: Labels | None = None,
    *,
    tempered: bool = True,
) -> Fitted:
    """The temperature under which the truth is most probable, and the threshold that a share
    of texts reaches.

    logits    (N, K) of texts that the network was not trained on
    passes    that share, 0 to 1
    lengths   (N,) of each text in characters: where enough are short, these have thresholds of
              their own
    tempered  False lets the temperature be 1
    raises  BadInput without texts; MissingExtra without scipy
    """
    with optional("training a classifier"):
        from scipy.optimize import minimize_scalar

    if not len(truth):
        raise BadInput("wanted held-out texts to fit probabilities to; got none")

    if not tempered:
        return _with_thresholds(logits, Fitted(passes=passes), lengths)

    # As Platt does it, the truth is never quite certain: where all held-out texts are right, the
    # temperature would else go to zero.
    doubt = 1 / (len(truth) + 2)
    wanted = np.full(logits.shape, doubt / (logits.shape[1] - 1), np.float32)
    wanted[np.arange(len(truth)), truth] = 1 - doubt

    def surprise(log_temperature: float) -> float:
        found = probabilities(logits, Fitted(float(np.exp(log_temperature))))
        return float(-(wanted * np.log(np.maximum(found, SMALLEST))).sum(axis=1).mean())

    edge = float(np.log(HOTTEST))
    best = minimize_scalar(surprise, bounds=(-edge, edge), method="bounded")
    return _with_thresholds(logits, Fitted(float(np.exp(best.x)), passes=passes), lengths)


def _with_thresholds(logits: Floats, fitted: Fitted, lengths: Labels | None) -> Fitted:
    familiar = familiarity(logits, fitted)
    short = short_thresholds(familiar, fitted.passes, lengths) if lengths is not None else ()
    longer = familiar[lengths > short[-1][0]] if lengths is not None and short else familiar
    threshold = float(np.quantile(longer if len(longer) else familiar, 1 - fitted.passes))
    return replace(fitted, threshold=threshold, short=short)


def short_thresholds(
    familiar: Floats, passes: float, lengths: Labels
) -> tuple[tuple[int, float], ...]:
    """Thresholds of texts of a few characters; () where no class of lengths has enough texts."""
    found: list[tuple[int, float]] = []
    fewer = 0
    for most in SHORT:
        of = familiar[(lengths > fewer) & (lengths <= most)]
        if len(of) >= ENOUGH:
            found.append((most, float(np.quantile(of, 1 - passes))))
            fewer = most
    return tuple(found)


def crossed(
    logits: Floats,
    truth: Labels,
    parts: Sequence[Labels],
    passes: float,
    lengths: Labels,
    *,
    tempered: bool = True,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Calibrated probabilities and who reaches the threshold, each part by a fit on the others.

    parts     of 0 … N - 1, without an overlap; at least two
    tempered  as of fit()
    returns   (N, K) and (N,)
    """
    found = np.empty_like(logits)
    reached = np.empty(len(truth), np.bool_)
    for part in parts:
        others = np.setdiff1d(np.arange(len(truth)), part)
        fitted = fit(logits[others], truth[others], passes, lengths[others], tempered=tempered)
        found[part] = probabilities(logits[part], fitted)
        least = np.array([fitted.threshold_of(int(length)) for length in lengths[part]], np.float32)
        reached[part] = familiarity(logits[part], fitted) >= least
    return found, reached
