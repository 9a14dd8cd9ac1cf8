"""How well groups are people, on real photographs whose people are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from benchmarks.scores.faces import Found
from retrieve.evaluation.clusters import Clusters, clusters
from retrieve.faces.calibration import Calibration
from retrieve.indexes.people.groups.grouping import Grouping, group
from retrieve.indexes.people.groups.thresholds import (
    CHANCE,
    CHANCE_ON_AVERAGE,
    Thresholds,
    thresholds_among,
)

CHANCES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
ON_AVERAGE = (0.005, 0.01, 0.03, 0.1, 0.3)
# Of the two mistakes the one that a person has to take apart weighs more: no more impure groups
# than one in a hundred people.
IMPURE = 0.01


def told(found: Clusters) -> str:
    """In a line."""
    return (
        f"pair F1 {found.pairs.f1:.4f} (precision {found.pairs.precision:.4f}, recall "
        f"{found.pairs.recall:.4f}), B-cubed F1 {found.bcubed.f1:.4f}, {found.impure} impure, "
        f"{found.whole} of {found.people} whole and pure, {found.merged} of {found.singles} "
        "singles merged"
    )


def grouped(
    faces: Found, photos: Sequence[int], calibration: Calibration, limits: Thresholds | None = None
) -> tuple[Clusters, Grouping]:
    """All faces of some photos in groups, and how well these are the labelled people."""
    rows = np.flatnonzero(np.isin(faces.photo, photos))
    limits = limits or thresholds_among(calibration, len(rows))
    found = group(faces.embeddings[rows], faces.quality[rows], faces.photo[rows], limits)
    place = np.full(len(faces.photo), -1)
    place[rows] = np.arange(len(rows))
    known = place[faces.labelled_rows()]
    known = known[known >= 0]
    people = [faces.people[i] for i in faces.photo[rows[known]]]
    return clusters(found.labels[known], people), found


def table(title: str, faces: Found, calibration: Calibration) -> None:
    """Prints what the default makes of all faces."""
    everything = range(len(faces.files))
    found, groups = grouped(faces, everything, calibration)
    limits = thresholds_among(calibration, len(faces.photo))
    print(
        f"{title}, {len(faces.photo)} faces, thresholds {limits.first:.4f} and "
        f"{limits.second:.4f}: {told(found)}; {int(groups.attached.sum())} faces attached, "
        f"{len(groups.scores)} pairs of groups to ask about",
        flush=True,
    )


def held_out(sets: Mapping[str, Found], calibration: Calibration) -> None:
    """Prints the chances that serve one half of the people best, and what they do for the other."""
    divided = {name: _halves(faces) for name, faces in sets.items()}
    for one in (0, 1):
        scores = {
            chances: _score(
                sets, {name: halves[one] for name, halves in divided.items()}, calibration, chances
            )
            for chances in product(CHANCES, ON_AVERAGE)
        }
        best = max(scores, key=lambda chances: scores[chances])
        print(f"half {one + 1} of the people: chosen {best[0]:g} and {best[1]:g}")
        for name, faces in sets.items():
            for title, photos in zip(
                ("these", "the others"), divided[name][:: 1 - 2 * one], strict=True
            ):
                for chances in (best, (CHANCE, CHANCE_ON_AVERAGE)):
                    found = _at(faces, photos, calibration, chances)
                    print(
                        f"  {name}, {title}, {chances[0]:g} and {chances[1]:g}: {told(found)}",
                        flush=True,
                    )


def _halves(faces: Found) -> list[list[int]]:
    """Photos of one half of the people and of the other, of those with several in each as many."""
    names, counts = np.unique(faces.people, return_counts=True)
    rng = np.random.default_rng(0)
    first = {
        *rng.permutation(names[counts > 1])[::2].tolist(),
        *rng.permutation(names[counts == 1])[::2].tolist(),
    }
    return [
        [i for i, person in enumerate(faces.people) if (person in first) == inside]
        for inside in (True, False)
    ]


def _at(
    faces: Found, photos: Sequence[int], calibration: Calibration, chances: tuple[float, float]
) -> Clusters:
    count = int(np.isin(faces.photo, photos).sum())
    first, second = (calibration.threshold_among([1] * count, chance) for chance in chances)
    limits = thresholds_among(calibration, count)
    limits = replace(limits, first=first, nearest=first, second=second)
    return grouped(faces, photos, calibration, limits)[0]


def _score(
    sets: Mapping[str, Found],
    photos: Mapping[str, Sequence[int]],
    calibration: Calibration,
    chances: tuple[float, float],
) -> float:
    """B-cubed F1, on average over the sets; 0 with more than so many impure groups in one."""
    found = {name: _at(faces, photos[name], calibration, chances) for name, faces in sets.items()}
    if any(one.impure > IMPURE * (one.people + one.singles) for one in found.values()):
        return 0.0
    return float(np.mean([one.bcubed.f1 for one in found.values()]))
