"""What probabilities are worth, by the quality of the worse face, on people not fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scores.faces import Damaged
from retrieve.evaluation.verification import Scores, expected_error
from retrieve.faces import calibration
from retrieve.faces.calibration import Worse
from retrieve.types import Embeddings

BELOW = (0.2, 0.5, 0.8, 0.9)  # from the last on one answer serves all
FOLDS = 5
OTHERS = 150  # people whom each damaged face is compared with


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Damaged faces against undamaged ones.

    scores, same, quality  (M,) of pairs; quality is that of the worse face
    rows, columns          (M,) which of the folds of people each side lies in
    one, other             (M,) which of the labelled faces each side was made of
    """

    scores: Scores
    same: NDArray[np.bool_]
    quality: NDArray[np.float32]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    one: NDArray[np.int64]
    other: NDArray[np.int64]

    def chosen(self, which: NDArray[np.bool_]) -> tuple[Scores, Scores]:
        """Of one person, of two."""
        return self.scores[which & self.same], self.scores[which & ~self.same]


def pairs(
    damaged: Damaged, embeddings: Embeddings, people: list[str], quality: NDArray[np.float32]
) -> Pairs:
    """Each damaged face with its person's other photos, and with those of some others."""
    rng = np.random.default_rng(0)
    names, who = np.unique(people, return_inverse=True)
    fold = rng.permutation(len(names)) % FOLDS
    left, right = [], []
    for place, i in enumerate(damaged.labelled.tolist()):
        own = np.flatnonzero((who == who[i]) & (np.arange(len(who)) != i))
        others = rng.choice(np.flatnonzero(who != who[i]), OTHERS, replace=False)
        right.append(np.concatenate([own, others]))
        left.append(np.full(len(right[-1]), place))
    a, b = np.concatenate(left), np.concatenate(right)
    of = damaged.labelled[a]
    scores = np.einsum("nd,nd->n", damaged.embeddings[a], embeddings[b])
    return Pairs(
        scores,
        who[of] == who[b],
        np.minimum(damaged.quality[a], quality[b]),
        fold[who[of]],
        fold[who[b]],
        of,
        b,
    )


def fitted(found: Pairs, fold: int | None = None) -> tuple[Worse, ...]:
    """Of all people, or of those outside a fold."""
    low, every = 0.0, []
    for below in BELOW:
        inside = (found.quality >= low) & (found.quality < below)
        if fold is not None:
            inside &= (found.rows != fold) & (found.columns != fold)
        every.append(calibration.worse_below(below, *found.chosen(inside)))
        low = below
    return tuple(every)


def table(found: Pairs, before: calibration.Calibration) -> None:
    """Prints the expected calibration error in each bin of quality, with one answer and by bins."""
    folds = [fitted(found, fold) for fold in range(FOLDS)]
    low = 0.0
    for place, below in enumerate((*BELOW, 1.01)):
        inside = (found.quality >= low) & (found.quality < below)
        errors = []
        for fold, own in enumerate(folds):
            held = inside & (found.rows == fold) & (found.columns == fold)
            by = [before, own[place] if place < len(own) else before]
            errors.append([expected_error(*_chances(found.chosen(held), one)) for one in by])
        was, now = np.mean(errors, axis=0)
        genuine, impostor = found.chosen(inside)
        print(
            f"quality {low:.2f} to {min(below, 1):.2f}: {genuine.size} pairs of one person, "
            f"{impostor.size} of two; expected calibration error {was:.4f}, by quality {now:.4f} "
            f"(most {np.max(errors, axis=0)[1]:.4f})"
        )
        low = below


def by_group(
    found: Pairs, before: calibration.Calibration, people: list[str], named: set[str]
) -> None:
    """Prints the expected calibration error within people with East Asian names and within all
    others, with one answer for all and by quality, on folds of people.
    """
    folds = [fitted(found, fold) for fold in range(FOLDS)]
    inside = np.isin(people, list(named))
    bins = np.digitize(found.quality, BELOW)
    for title, which in (
        ("East Asian names", inside[found.one] & inside[found.other]),
        ("all others", ~inside[found.one] & ~inside[found.other]),
    ):
        # Strangers of a small group are of all folds: what is held out is the damaged face.
        same = found.same[which]
        one = _chance(before, found.scores[which])
        by = np.empty(len(same))
        for fold, own in enumerate(folds):
            for place in range(len(BELOW) + 1):
                here = (found.rows[which] == fold) & (bins[which] == place)
                some = own[place] if place < len(own) else before
                by[here] = _chance(some, found.scores[which][here])
        stated = [expected_error(chances[same], chances[~same]) for chances in (one, by)]
        print(
            f"{title}, damaged and as they are: {same.sum()} pairs of one person, "
            f"{(~same).sum()} of two; expected calibration error {stated[0]:.4f}, by quality "
            f"{stated[1]:.4f}"
        )


def _chance(by: Worse | calibration.Calibration, scores: Scores) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 1 / (1 + np.exp(-(by.slope * scores + by.intercept)))
    return found


def _chances(
    scores: tuple[Scores, Scores], by: Worse | calibration.Calibration
) -> list[NDArray[np.float64]]:
    return [_chance(by, one) for one in scores]
