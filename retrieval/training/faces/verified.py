"""How well embeddings tell people apart whom nobody trained on, and whether one does better.

Two embedders are compared on the same people, drawn anew many times for both at once: what is
common to both, an easy person or a hard one, does not count as a difference. Efron and Tibshirani
1993, "An Introduction to the Bootstrap".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieve.evaluation.faces.pairs import Floats, Pairs, compare
from retrieve.evaluation.faces.resampling import FEWEST, MIDDLE, draws
from retrieve.evaluation.verification import equal_error_rate
from retrieve.training.faces.batches import People
from retrieve.types import Embeddings

RESAMPLES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """One embedder on people who were held out.

    missed  false-match rate → share of the pairs of one person that are missed there, each person
            counting once
    equal   the equal error rate
    pairs   behind them
    """

    missed: dict[float, float]
    equal: float
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class Change:
    """What one embedder misses more than another, at one false-match rate.

    value      below 0: it misses less
    low, high  the interval of 95 %; None with fewer people than an interval tells of
    """

    rate: float
    value: float
    low: float | None
    high: float | None

    @property
    def better(self) -> bool:
        """Whether less is missed, and chance alone does not explain it."""
        return self.high is not None and self.high < 0


def verified(embeddings: Embeddings, people: People) -> Verified:
    """(N, D) unit rows and who they show, all pairs compared.

    raises  BadInput unless two are of one person and two of strangers
    """
    pairs = compare(embeddings, people)
    missed = {rate: pairs.missed(pairs.threshold(rate)) for rate in pairs.rates}
    return Verified(missed, equal_error_rate(pairs.genuine, pairs.impostor)[0], pairs)


def change(before: Verified, after: Verified, seed: int = 0) -> Change:
    """What `after` misses more than `before`, at the lowest rate that the pairs can show."""
    rate = min(before.missed)
    value = after.missed[rate] - before.missed[rate]
    people = before.pairs.faces.shape[1]
    if len(np.unique(before.pairs.genuine_of)) < FEWEST:
        return Change(rate, value, None, None)
    found = []
    for drawn in draws(people, RESAMPLES, seed):
        one, other = (_missed(side.pairs, drawn, rate) for side in (before, after))
        if one is not None and other is not None:
            found.append(other - one)
    low, high = np.percentile(found, MIDDLE)
    return Change(rate, value, float(low), float(high))


def _missed(pairs: Pairs, drawn: Floats, rate: float) -> float | None:
    """FNMR at a rate with each person drawn so often; the threshold is found anew."""
    weights = pairs.weights * drawn[pairs.genuine_of]
    one, other = pairs.impostor_of.T
    passed = np.cumsum(drawn[one] * drawn[other])
    strangers = pairs.strangers_weight(drawn)
    if weights.sum() == 0 or strangers == 0:
        return None  # nobody with two photos was drawn, or one person alone
    fails = int(np.searchsorted(passed, rate * strangers, "right"))
    if fails == len(passed):
        return None
    above = int(np.searchsorted(pairs.genuine, pairs.impostor[fails], "right"))
    return float(weights[:above].sum() / weights.sum())
