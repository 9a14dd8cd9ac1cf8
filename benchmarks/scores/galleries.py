"""How many strangers pass a gallery's threshold, in galleries drawn by chance from real people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retrieve.evaluation import strangers
from retrieve.evaluation.strangers import Curve, pair_weights
from retrieve.training.calibrate import stranger_curve
from retrieve.types import Embeddings

SIZES = (100, 400)
CHANCES = (0.01, 0.03, 0.1)
DRAWS = 20
RESAMPLED = 400
Floats = NDArray[np.float64]


def table(embeddings: Embeddings, people: list[str], shipped: Curve) -> None:
    """Prints who passes, at thresholds of the shipped curve and of one that holds no probe.

    A gallery is one photo each of N people, those with two photos first; probes are their other
    photos, and strangers all photos of all others. With `held out` the curve is that of the
    gallery's people and half of the others; strangers are the other half.
    """
    for told, curve in (("shipped curve", shipped), ("held out", None)):
        for N in SIZES:
            for chance, found in zip(CHANCES, drawn(embeddings, people, N, curve), strict=True):
                print(f"{told}, {N} people, {chance:g} stated: {found}")


def drawn(embeddings: Embeddings, people: list[str], N: int, curve: Curve | None) -> list[str]:
    """For each of CHANCES what was found in DRAWS galleries."""
    rng = np.random.default_rng(0)
    names, who, counts = np.unique(people, return_inverse=True, return_counts=True)
    several, single = np.flatnonzero(counts > 1), np.flatnonzero(counts == 1)
    passed = np.zeros((len(CHANCES), len(names)))  # of each stranger's photos, over all draws
    tried, right, known = np.zeros(len(names)), np.zeros_like(passed), np.zeros(len(names))
    thresholds = np.zeros(len(CHANCES))
    for _ in range(DRAWS):
        inside = np.concatenate([rng.permutation(several), rng.permutation(single)])[:N]
        stored = np.array([rng.choice(np.flatnonzero(who == one)) for one in inside])
        others = rng.permutation(np.setdiff1d(np.arange(len(names)), inside))
        asked = others if curve is not None else others[: len(others) // 2]
        probes = np.flatnonzero(np.isin(who, asked))
        if curve is None:
            fitted_on = np.flatnonzero(~np.isin(who, asked))
            by = stranger_curve(embeddings[fitted_on], who[fitted_on].astype(str).tolist())
            assert by is not None, "hundreds of people"
        else:
            by = curve
        own = np.setdiff1d(np.flatnonzero(np.isin(who, inside)), stored)
        best = np.max(embeddings[probes] @ embeddings[stored].T, axis=1)
        scores = embeddings[own] @ embeddings[stored].T
        same = inside[scores.argmax(axis=1)] == who[own]
        np.add.at(tried, who[probes], 1)
        np.add.at(known, who[own], 1)
        for place, chance in enumerate(CHANCES):
            least = by.score(strangers.rate_for(chance, N))
            thresholds[place] += least / DRAWS
            np.add.at(passed[place], who[probes], best >= least)
            np.add.at(right[place], who[own], same & (scores.max(axis=1) >= least))
    return [
        f"threshold {thresholds[i]:.4f}; strangers let in {_share(passed[i], tried)}; of the known "
        f"identified {_share(right[i], known)}"
        for i in range(len(CHANCES))
    ]


def alike(embeddings: Embeddings, people: list[str], curve: Curve) -> None:
    """Prints how much more often the best of a person's n photos passes than one does."""
    rng = np.random.default_rng(0)
    _, who, counts = np.unique(people, return_inverse=True, return_counts=True)
    weights = pair_weights(people, people)
    many = np.flatnonzero(counts >= 8)
    scores = embeddings @ embeddings.T
    for rate in (1e-2, 1e-3, 2e-4, 1e-4):
        least, shares = curve.score(rate), []
        for n in (1, 2, 4, 8):
            found = []
            for person in np.tile(many, DRAWS):
                own = rng.choice(np.flatnonzero(who == person), n, replace=False)
                found.append(np.average(scores[own].max(axis=0) >= least, weights=weights[own[0]]))
            shares.append(float(np.mean(found)))
        told = ", ".join(f"{share / shares[0]:.2f}" for share in shares[1:])
        counted = ", ".join(f"{n**strangers.ALIKE:.2f}" for n in (2, 4, 8))
        print(
            f"{len(many)} people, {rate:g}: the best of 2, 4, 8 photos passes {told} times as "
            f"often as one; counted as {counted}"
        )


def resampled(people: int, statistic: Callable[[Floats], float]) -> tuple[float, float]:
    """The middle 95 % of a statistic of how often each person is drawn, people drawn anew."""
    rng = np.random.default_rng(1)
    drawn = [
        statistic(np.bincount(rng.integers(0, people, people), minlength=people).astype(np.float64))
        for _ in range(RESAMPLED)
    ]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _share(hits: Floats, trials: Floats) -> str:
    took_part = trials > 0
    low, high = resampled(
        int(took_part.sum()),
        lambda w: float(w @ hits[took_part] / (w @ trials[took_part])),
    )
    return f"{hits.sum() / trials.sum():.4f} ({low:.4f} to {high:.4f})"
