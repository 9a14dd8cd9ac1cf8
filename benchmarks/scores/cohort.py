"""Whether scores are better less half of what each side scores with its nearest in a cohort.

standing(a, b) = a·b - w m(a) - w m(b), where m(x) is the mean of the k highest scores of x with a
cohort of strangers. A cohort that may ship is of centroids, each the mean of five people or more.
Measured on half of the people with centroids of the other half, both ways, in several divisions.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scores.galleries import Floats, resampled
from retrieve.evaluation.verification import threshold_at
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.types import Embeddings

FEWEST = 5  # people behind a centroid
DIVISIONS = 5
RATES = (2e-4, 1e-5)
# Weight of m(x), and k; 0 is no normalisation.
TRIED = ((0.0, 1), (0.25, 2), (0.25, 5), (0.5, 2), (0.5, 5), (0.5, 10))
GALLERY, CHANCE = 100, 0.01


@dataclass(frozen=True, slots=True)
class Found:
    """On one half of the people.

    missed      FNMR at each of RATES, a person weighing the same
    group       FMR of strangers with East Asian names at the first rate
    identified  share of the known found in a gallery at the threshold of CHANCE
    """

    missed: list[float]
    group: float
    identified: float


def groups(folder: Path) -> set[str]:
    """The people with an East Asian name."""
    with (folder / "people_dev" / "groups.csv").open(newline="", encoding="utf-8") as file:
        return {row["identity"] for row in csv.DictReader(file) if row["east_asian_name"] == "1"}


def centroids(embeddings: Embeddings, people: list[str], fewest: int = FEWEST) -> Embeddings:
    """(C, D) means of people who are alike, `fewest` of them at least in each and none in two.

    People are halved, where it takes most of their differences away, as long as both halves have
    enough. (Means that share people would give each away again: they can be solved for.)
    """
    names, which = np.unique(people, return_inverse=True)
    means = unit_rows(np.stack([embeddings[which == i].mean(axis=0) for i in range(len(names))]))
    waiting, done = [np.arange(len(names))], []
    while waiting:
        rows = waiting.pop()
        if len(rows) < 2 * fewest:
            done.append(rows)
            continue
        apart = means[rows] - means[rows].mean(axis=0)
        along = apart @ np.linalg.svd(apart, full_matrices=False)[2][0]
        order = np.argsort(along, kind="stable")
        sums = np.cumsum(along[order])
        sizes = np.arange(fewest, len(rows) - fewest + 1)
        left = sums[sizes - 1]
        gain = left**2 / sizes + (sums[-1] - left) ** 2 / (len(rows) - sizes)
        at = int(sizes[gain.argmax()])
        waiting += [rows[order[:at]], rows[order[at:]]]
    found: Embeddings = np.stack([means[rows].mean(axis=0) for rows in done]).astype(np.float32)
    return found


def nearness(embeddings: Embeddings, cohort: Embeddings, k: int) -> NDArray[np.float32]:
    """(N,) m(x): the mean of the k highest scores with the cohort."""
    scores = embeddings @ cohort.T
    found: NDArray[np.float32] = np.sort(scores, axis=1)[:, -k:].mean(axis=1)
    return found


def table(folder: Path, embeddings: Embeddings, people: list[str]) -> None:
    """Prints for each weight and k what is missed, and who of a group passes."""
    named = groups(folder)
    halves = [half for seed in range(DIVISIONS) for half in _halves(people, seed)]
    for weight, k in TRIED:
        found = []
        for seed, inside in enumerate(halves):
            mine = [person for person, yes in zip(people, inside, strict=True) if yes]
            others = [person for person, yes in zip(people, inside, strict=True) if not yes]
            cohort = centroids(embeddings[~inside], others)
            rows = embeddings[inside]
            low = weight * nearness(rows, cohort, k)
            found.append(_measured(rows, mine, low, named, seed))
        told = ", ".join(
            f"FNMR {np.mean([one.missed[i] for one in found]):.4f} at {rate:g}"
            for i, rate in enumerate(RATES)
        )
        print(
            f"weight {weight:g}, {k} nearest of {len(cohort)} centroids: {told}; East Asian names "
            f"{np.mean([one.group for one in found]):.4f} at {RATES[0]:g}; "
            f"{np.mean([one.identified for one in found]):.4f} identified among {GALLERY}"
        )


def differences(folder: Path, embeddings: Embeddings, people: list[str]) -> None:
    """Prints what normalisation changes, with intervals by resampling people, in one division."""
    named = groups(folder)
    for part, inside in enumerate(_halves(people, 0), 1):
        mine = np.array(people)[inside]
        rows = embeddings[inside]
        cohort = centroids(embeddings[~inside], np.array(people)[~inside].tolist())
        names, who = np.unique(mine, return_inverse=True)
        a, b = np.triu_indices(len(rows), k=1)
        cosine = np.einsum("nd,nd->n", rows[a], rows[b])
        own = who[a] == who[b]
        share = 1 / np.bincount(who[a[own]], minlength=len(names))[who[a[own]]]
        both = np.isin(mine[a], list(named)) & np.isin(mine[b], list(named)) & ~own
        for weight, k in TRIED[1:]:
            low = weight * nearness(rows, cohort, k)
            change = []
            for i, rate in enumerate(RATES):
                missed = []
                for scores in (cosine, cosine - low[a] - low[b]):
                    least = threshold_at(scores[~own], rate)
                    missed.append((scores[own] < least) * share)
                    if i == 0:
                        group = scores[both] >= least
                        change.append(
                            f"East Asian names {_of_pairs(group, who[a[both]], who[b[both]])}"
                        )
                each = np.zeros(len(names))
                np.add.at(each, who[a[own]], missed[1] - missed[0])
                took_part = np.bincount(who[a[own]], minlength=len(names)) > 0
                change.append(f"FNMR at {rate:g} {_mean(each[took_part])}")
            print(f"half {part}, weight {weight:g}, {k} nearest: {'; '.join(change)}")


def elsewhere(
    embeddings: Embeddings, people: list[str], others: Embeddings, who: list[str]
) -> None:
    """Prints what centroids of all people change for photos of another kind."""
    cohort = centroids(embeddings, people)
    names = np.array(who)
    a, b = np.triu_indices(len(others), k=1)
    own = names[a] == names[b]
    for weight, k in TRIED:
        low = weight * nearness(others, cohort, k)
        scores = np.einsum("nd,nd->n", others[a], others[b]) - low[a] - low[b]
        told = [np.mean(scores[own] < threshold_at(scores[~own], rate)) for rate in RATES]
        print(
            f"congress, weight {weight:g}, {k} nearest of {len(cohort)}: FNMR "
            + ", ".join(f"{one:.4f} at {rate:g}" for one, rate in zip(told, RATES, strict=True))
        )


def _measured(
    rows: Embeddings, people: list[str], low: NDArray[np.float32], named: set[str], seed: int
) -> Found:
    names, who, counts = np.unique(people, return_inverse=True, return_counts=True)
    scores = rows @ rows.T - low[:, None] - low[None]
    a, b = np.triu_indices(len(rows), k=1)
    pairs, own = scores[a, b], who[a] == who[b]
    share = 1 / np.bincount(who[a[own]], minlength=len(names))[who[a[own]]]
    thresholds = [threshold_at(pairs[~own], rate) for rate in RATES]
    missed = [float(np.average(pairs[own] < least, weights=share)) for least in thresholds]
    inside = np.isin(people, list(named))
    both = inside[a] & inside[b] & ~own
    group = float(np.mean(pairs[both] >= thresholds[0]))
    rng = np.random.default_rng(seed)
    gallery = np.concatenate(
        [rng.permutation(np.flatnonzero(counts > 1)), rng.permutation(np.flatnonzero(counts == 1))]
    )[:GALLERY]
    stored = np.array([rng.choice(np.flatnonzero(who == one)) for one in gallery])
    known = np.setdiff1d(np.flatnonzero(np.isin(who, gallery)), stored)
    strangers = np.flatnonzero(~np.isin(who, gallery))
    least = threshold_at(scores[np.ix_(strangers, stored)].max(axis=1), CHANCE)
    asked = scores[np.ix_(known, stored)]
    right = (gallery[asked.argmax(axis=1)] == who[known]) & (asked.max(axis=1) >= least)
    return Found(missed, group, float(right.mean()))


def _halves(people: list[str], seed: int) -> list[NDArray[np.bool_]]:
    names = np.unique(people)
    first = np.random.default_rng(seed).permutation(names)[: len(names) // 2]
    inside: NDArray[np.bool_] = np.isin(people, first)
    return [inside, ~inside]


def _mean(each: Floats) -> str:
    low, high = resampled(len(each), lambda w: float(w @ each / w.sum()))
    return f"{each.mean():+.4f} ({low:+.4f} to {high:+.4f})"


def _of_pairs(hits: NDArray[np.bool_], one: NDArray[np.int64], other: NDArray[np.int64]) -> str:
    """Share of pairs of people, with its interval."""
    names, which = np.unique(np.concatenate([one, other]), return_inverse=True)
    a, b = which[: len(one)], which[len(one) :]
    low, high = resampled(len(names), lambda w: float(np.average(hits, weights=w[a] * w[b])))
    return f"{hits.mean():.4f} ({low:.4f} to {high:.4f}) of {len(hits)}"
