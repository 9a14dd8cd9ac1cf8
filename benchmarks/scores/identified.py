"""Who is named, by the product's own rule, in galleries drawn by chance; and by group.

A gallery is some photos each of N people; probes are their other photos, and strangers all photos
of all others. Score, threshold and rule are those of retrieve.indexes.queries.identification.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scores.galleries import DRAWS, Floats, resampled
from retrieve.evaluation.strangers import pair_weights
from retrieve.faces import calibration
from retrieve.faces.calibration import DEFAULT_FMR, Calibration
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.verify import Pair, Verdict, decide
from retrieve.indexes.queries import identification
from retrieve.indexes.queries.identification import careful, likeness, why_nobody
from retrieve.indexes.queries.thresholds import threshold_among
from retrieve.training.calibrate import pair_scores, stranger_curve
from retrieve.types import Embeddings

SIZES = (30, 100, 400)
CHANCES = (0.01, 0.1)
ODDS = (1.0, 10.0, 100.0)
SEVERAL = (2, 4, 6)  # photos of each person in the gallery
PAIRS = 40_000  # of two people, that verify is asked of
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What was said of probes, over all draws.

    person  (P,) who each shows; right, wrong, nobody: (P,) what it was called
    """

    person: Ints
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


def table(embeddings: Embeddings, people: list[str], quality: Floats, by: Calibration) -> None:
    """Prints who is named in galleries of one photo each, by the shipped calibration and by one of
    the gallery's people and half of the others, where strangers are the other half.
    """
    for told, held_out in (("shipped", False), ("held out", True)):
        for N in SIZES:
            known, strangers = asked(embeddings, people, quality, by, N, held_out=held_out)
            for chance in CHANCES:
                one, other = known[chance], strangers[chance]
                print(
                    f"{told}, {N} people, {chance:g} stated: strangers named "
                    f"{share(other.wrong, other.person)}; of the known named right "
                    f"{share(one.right, one.person)}, wrong {share(one.wrong, one.person)}",
                    flush=True,
                )


def margins(embeddings: Embeddings, people: list[str], quality: Floats, by: Calibration) -> None:
    """Prints what the odds over the runner-up change."""
    before = identification.ODDS
    for N in SIZES:
        for odds in ODDS:
            identification.ODDS = odds
            known, strangers = asked(embeddings, people, quality, by, N)
            one, other = known[CHANCES[0]], strangers[CHANCES[0]]
            print(
                f"{N} people, {odds:g} times as probable as the runner-up: strangers named "
                f"{other.wrong.mean():.4f}, known named right {one.right.mean():.4f}, "
                f"wrong {one.wrong.mean():.5f}"
            )
    identification.ODDS = before


def asked(
    embeddings: Embeddings,
    people: list[str],
    quality: Floats,
    by: Calibration,
    N: int,
    *,
    held_out: bool = False,
) -> tuple[dict[float, Told], dict[float, Told]]:
    """What is said of the known and of strangers, for each of CHANCES.

    held_out  as of table(); but for what poor faces mean, which is as shipped
    """
    rng = np.random.default_rng(0)
    _, who, counts = np.unique(people, return_inverse=True, return_counts=True)
    several, single = np.flatnonzero(counts > 1), np.flatnonzero(counts == 1)
    found: list[dict[float, list[Told]]] = [{c: [] for c in CHANCES} for _ in range(2)]
    for _ in range(DRAWS):
        inside = np.concatenate([rng.permutation(several), rng.permutation(single)])[:N]
        stored = np.array([rng.choice(np.flatnonzero(who == one)) for one in inside])
        own = np.setdiff1d(np.flatnonzero(np.isin(who, inside)), stored)
        strange = rng.permutation(np.setdiff1d(np.unique(who), inside))
        fitted = by
        if held_out:
            strange = strange[: len(strange) // 2]
            rest = np.flatnonzero(~np.isin(who, strange))
            fitted = _fitted(embeddings[rest], who[rest].astype(str).tolist(), by)
        others = np.flatnonzero(np.isin(who, strange))
        for chance in CHANCES:
            least = least_of(fitted, embeddings[stored], chance)
            for place, probes in enumerate((own, others)):
                # Of one photo each likeness() is the cosine.
                scores = embeddings[probes] @ embeddings[stored].T
                said = _said(fitted, least, scores, quality[probes], quality[stored])
                named = np.where(said < 0, -1, inside[said])
                right = named == who[probes]
                found[place][chance].append(Told(who[probes], right, (named >= 0) & ~right))
    known, strangers = (
        {
            chance: Told(
                *(np.concatenate([getattr(one, name) for one in some]) for name in Told.__slots__)
            )
            for chance, some in side.items()
        }
        for side in found
    )
    return known, strangers


def _fitted(embeddings: Embeddings, people: list[str], like: Calibration) -> Calibration:
    """A calibration on some people."""
    found = calibration.fit(
        *pair_scores(embeddings, people),
        embedder=like.embedder,
        embedder_sha256=like.embedder_sha256,
        detector=like.detector,
        data="",
        curve=stranger_curve(embeddings, people),
        worse=like.worse,
    )
    assert found.strangers is not None, "hundreds of people"
    return found


def verified(embeddings: Embeddings, people: list[str], quality: Floats, by: Calibration) -> None:
    """Prints what retrieve verify says of pairs of photos with one face each."""
    rng, names = np.random.default_rng(0), np.asarray(people)
    a, b = np.triu_indices(len(embeddings), k=1)
    scores = np.einsum("nd,nd->n", embeddings[a], embeddings[b])
    same = names[a] == names[b]
    strangers = rng.choice(np.flatnonzero(~same), PAIRS, replace=False)
    for title, which in (("one person", np.flatnonzero(same)), ("two people", strangers)):
        said = []
        for i in which:
            score, worst = float(scores[i]), float(min(quality[a[i]], quality[b[i]]))
            pair = Pair((1, 1), score, worst, by.probability(score, worst))
            said.append(decide(by, [pair], float(DEFAULT_FMR)).verdict)
        told = ", ".join(f"{one.value} {said.count(one) / len(said):.4f}" for one in Verdict)
        print(f"{len(said)} pairs of {title}: {told}")


def least_of(by: Calibration, gallery: Embeddings, chance: float) -> float:
    """The score that names somebody in a gallery of one photo a person."""
    alike = (gallery @ gallery.T)[np.triu_indices(len(gallery), k=1)]
    return max(
        threshold_among(one, by.embedder, float(len(gallery)), strangers=chance).score
        for one in careful(by, alike)
    )


def _said(
    by: Calibration,
    least: float,
    scores: NDArray[np.float32],
    quality: Floats,
    stored_quality: Floats,
) -> Ints:
    """(P,) the place in the gallery of who is named, -1 for nobody."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    said = []
    for row, own, (first, second) in zip(scores, quality, order, strict=True):
        worst = float(min(own, stored_quality[first], stored_quality[second]))
        why = why_nobody(by, least, float(row[first]), float(row[second]), worst)
        said.append(-1 if why else first)
    return np.array(said, np.int64)


def share(hits: NDArray[np.bool_], person: Ints) -> str:
    """Share with its interval, people drawn anew."""
    _, which = np.unique(person, return_inverse=True)
    trials = np.bincount(which).astype(np.float64)
    of_each = np.bincount(which, hits).astype(np.float64)
    low, high = resampled(len(trials), lambda w: float(w @ of_each / (w @ trials)))
    return f"{hits.mean():.4f} ({low:.4f} to {high:.4f})"


# (P, N, n) scores with each of the faces, (P, N) with the direction of their mean → (P, N).
Join = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
JOINS: dict[str, Join] = {
    "the best": lambda scores, _: scores.max(axis=2),
    "mean of the best two": lambda scores, _: np.sort(scores, axis=2)[:, :, -2:].mean(axis=2),
    "mean of all": lambda scores, _: scores.mean(axis=2),
    "direction of their mean": lambda _, common: common,
    "best and direction": lambda scores, common: (scores.max(axis=2) + common) / 2,
}


def joins(embeddings: Embeddings, people: list[str], by: Calibration) -> None:
    """Prints how well faces of one person speak together, in ways that could have been taken.

    Missed at the score that 1 in 100 strangers reach in the same galleries, so that no way gains by
    letting more in; and how often the default threshold, which counts n faces as n^.8 people, lets
    strangers in.
    """
    _, who, counts = np.unique(people, return_inverse=True, return_counts=True)
    for n in SEVERAL:
        rng = np.random.default_rng(1)
        able = np.flatnonzero(counts > n)
        N = min(48, len(able))
        kept: dict[str, tuple[list[Floats], list[Floats]]] = {name: ([], []) for name in JOINS}
        person = []
        for _ in range(DRAWS):
            inside = rng.permutation(able)[:N]
            own = [rng.permutation(np.flatnonzero(who == one))[:n] for one in inside]
            known = np.setdiff1d(np.flatnonzero(np.isin(who, inside)), np.concatenate(own))
            strangers = np.flatnonzero(~np.isin(who, inside))
            person.append(who[known])
            stored = embeddings[np.concatenate(own)]
            common = unit_rows(stored.reshape(N, n, -1).mean(axis=1))
            for place, probes in enumerate((known, strangers)):
                each = (embeddings[probes] @ stored.T).reshape(len(probes), N, n)
                with_common = embeddings[probes] @ common.T
                for name, join in JOINS.items():
                    scores = join(each, with_common)
                    best = scores.max(axis=1)
                    if place == 0:  # a wrong name counts as missed
                        best[inside[scores.argmax(axis=1)] != who[probes]] = -1
                    kept[name][place].append(best)
            # What the product does is the last of them.
            one = likeness(embeddings[strangers[0]], stored[:n])
            assert abs(one - scores[0, 0]) < 1e-5
        least = by.threshold_among([n] * N)
        for name, (of_known, of_strangers) in kept.items():
            known_best, stranger_best = np.concatenate(of_known), np.concatenate(of_strangers)
            at = float(np.quantile(stranger_best, 1 - CHANCES[0]))
            print(
                f"{N} people of {n} photos each, {name}: missed "
                f"{share(known_best < at, np.concatenate(person))} at {at:.4f}; "
                f"strangers at the default {np.mean(stranger_best >= least):.4f}"
            )


def by_group(embeddings: Embeddings, people: list[str], named: set[str], by: Calibration) -> None:
    """Prints, of people with East Asian names and of all others, how often a stranger of the same
    group reaches a score, what of one person is missed there, and galleries of one group alone.
    """
    _, who = np.unique(people, return_inverse=True)
    assert by.strangers is not None
    for title, inside in (
        ("East Asian names", np.isin(people, list(named))),
        ("all others", ~np.isin(people, list(named))),
    ):
        rows, own = embeddings[inside], np.array(people)[inside].tolist()
        a, b = np.triu_indices(len(rows), k=1)
        scores = np.einsum("nd,nd->n", rows[a], rows[b])
        weights = pair_weights(own, own)[a, b]
        same = weights == 0
        told = []
        for least, stated in ((by.threshold, 2e-4), (by.threshold_for(100.0), 1e-4)):
            passing = np.average(scores[~same] >= least, weights=weights[~same])
            missed = np.mean(scores[same] < least)
            told.append(
                f"at {least:.4f} ({stated:g} stated) {passing:.1e} pass, {missed:.4f} missed"
            )
        rng, N = np.random.default_rng(0), min(20, len(set(own)) // 2)
        mine = np.unique(who[inside])
        let: dict[str, list[NDArray[np.bool_]]] = {"all people": [], "their own people": []}
        below: dict[str, list[NDArray[np.bool_]]] = {way: [] for way in let}
        person = []
        for _ in range(5 * DRAWS):
            gallery = rng.permutation(mine)[:N]
            stored = [rng.choice(np.flatnonzero(who == one)) for one in gallery]
            probes = np.flatnonzero(inside & ~np.isin(who, gallery))
            own_probes = np.setdiff1d(np.flatnonzero(np.isin(who, gallery)), stored)
            best = np.max(embeddings[probes] @ embeddings[stored].T, axis=1)
            own_best = np.max(embeddings[own_probes] @ embeddings[stored].T, axis=1)
            person.append(who[probes])
            for way, least in (
                ("all people", by.threshold_for(float(N))),
                ("their own people", least_of(by, embeddings[stored], CHANCES[0])),
            ):
                let[way].append(best >= least)
                below[way].append(own_best < least)
        print(f"{title}, {len(mine)} people: {'; '.join(told)}")
        for way in let:
            print(
                f"  among {N} of them, {CHANCES[0]:g} stated by the curve of {way}: "
                f"{share(np.concatenate(let[way]), np.concatenate(person))} of the others pass, "
                f"{np.concatenate(below[way]).mean():.4f} of their own are missed"
            )
