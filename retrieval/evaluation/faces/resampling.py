"""Intervals by drawing people anew: pairs share people, so that they are no independent trials.

A draw gives each person a weight, how often it was drawn; a pair of two weighs their product.
Sources: Efron and Tibshirani 1993, "An Introduction to the Bootstrap"; Poh, Martin and Bengio 2007,
"Performance generalization in biometric authentication using joint user-specific and sample
bootstraps" (why people are drawn, and not pairs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieve.evaluation.faces.pairs import Floats, Pairs

RESAMPLES = 1000
MIDDLE = (2.5, 97.5)  # per cent: 95 in between
FEWEST = 10  # people: of fewer an interval says nothing


@dataclass(frozen=True, slots=True)
class Share:
    """A share with the interval that holds the true one at 95 %; None where people are too few."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Errors:
    """What is missed at false-match rates, each with its threshold, and the equal error rate."""

    missed: tuple[Share, ...]
    equal: Share


def draws(people: int, resamples: int, seed: int) -> Floats:
    """(resamples, people) how often each of so many people is drawn."""
    rng = np.random.default_rng((seed, 0x9E09))
    return rng.multinomial(people, np.full(people, 1 / people), resamples).astype(np.float64)


def share(hits: Floats, trials: Floats, *, resamples: int = RESAMPLES, seed: int = 0) -> Share:
    """A share of trials, by person.

    hits, trials  (P,); who was not tried does not count as a person
    """
    took_part = trials > 0
    hits, trials = hits[took_part], trials[took_part]
    value = float(hits.sum() / trials.sum())
    if len(hits) < FEWEST:
        return Share(value, None, None)
    drawn = draws(len(hits), resamples, seed)
    return Share(value, *_middle((drawn @ hits) / (drawn @ trials)))


def errors(
    pairs: Pairs,
    rates: Sequence[float],
    equal: float,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Errors:
    """FNMR at each false-match rate, whose threshold every draw finds for itself, and the EER.

    equal  the equal error rate of all
    """
    values = [pairs.missed(pairs.threshold(rate)) for rate in rates]
    tried = np.flatnonzero(np.bincount(pairs.genuine_of, minlength=pairs.faces.shape[1]))
    if len(tried) < FEWEST:
        return Errors(tuple(Share(value, None, None) for value in values), Share(equal, None, None))
    tail = len(pairs.impostor_of)
    scores = pairs.impostor[:tail]
    one, other = pairs.impostor_of.T
    # Where each of these would stand among the genuine ones: those before it are missed there.
    before = np.searchsorted(pairs.genuine, scores, "left")
    above = np.searchsorted(pairs.genuine, scores, "right")
    found: list[list[float]] = []
    for drawn in draws(pairs.faces.shape[1], resamples, seed):
        own = np.concatenate([[0.0], np.cumsum(pairs.weights * drawn[pairs.genuine_of])])
        passed = np.cumsum(drawn[one] * drawn[other])
        whole = tail == len(pairs.impostor)
        strangers = passed[-1] if whole else pairs.strangers_weight(drawn)
        if own[-1] == 0 or strangers == 0:
            continue  # nobody with two photos was drawn, or one person alone
        # The first that has to fail sets the threshold, just above itself.
        fails = [int(np.searchsorted(passed, rate * strangers, "right")) for rate in rates]
        missed = [own[above[i]] / own[-1] if i < tail else 0.0 for i in fails]
        fnmr, fmr = own[before] / own[-1], passed / strangers
        at = int(np.argmin(np.abs(fnmr - fmr)))
        reached = whole or at < tail - 1
        found.append([*missed, (fnmr[at] + fmr[at]) / 2 if reached else np.nan])
    columns = np.array(found).T
    told = [Share(v, *_middle(c)) for v, c in zip([*values, equal], columns, strict=True)]
    return Errors(tuple(told[:-1]), told[-1])


def _middle(values: Floats) -> tuple[float | None, float | None]:
    """None where a draw does not tell."""
    if np.isnan(values).any():
        return None, None
    low, high = np.percentile(values, MIDDLE)
    return float(low), float(high)
