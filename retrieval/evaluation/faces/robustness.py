"""What labelled faces are worth as probes when they are damaged, among faces that are as they were.

The threshold is the one of undamaged faces, which nobody moves because it is dark; the accuracy in
folds and the equal error rate look for a threshold of their own. A face that is not found any more
is missed by each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieve.evaluation.faces import folds, galleries, pairs, resampling
from retrieve.evaluation.faces.folds import Accuracy, Chosen
from retrieve.evaluation.faces.pairs import NOT_FOUND, People, Probes
from retrieve.evaluation.faces.resampling import Share
from retrieve.evaluation.verification import equal_error_rate
from retrieve.types import Embeddings


@dataclass(frozen=True, slots=True)
class Robust:
    """Probes of one kind.

    probes    how many
    found     the share that is found at all
    missed    FNMR at the threshold, those that are not found among them
    passing   FMR at the threshold
    equal     equal error rate
    first     closed set, a gallery of everybody
    accuracy  in folds; None where people are too few
    """

    probes: int
    found: float
    missed: Share
    passing: float
    equal: float
    first: Share
    accuracy: Accuracy | None


def robust(
    faces: Embeddings,
    people: People,
    probes: Probes,
    threshold: float,
    chosen: Chosen | None = None,
    *,
    seed: int = 0,
) -> Robust:
    """How such probes do.

    faces   (N, D) unit rows, undamaged; people (N,)
    chosen  pairs in folds, or None: the first face of each is one that the probes show
    """
    every = pairs.compare(faces, people, probes)
    return Robust(
        len(probes.of),
        float(probes.found.mean()),
        resampling.share(*every.missed_by_person(threshold), seed=seed),
        every.passing(threshold),
        equal_error_rate(every.genuine, every.impostor, every.weights)[0],
        galleries.first_rank(faces, people, probes, seed=seed),
        None if chosen is None else _in_folds(faces, probes, chosen),
    )


def _in_folds(faces: Embeddings, probes: Probes, chosen: Chosen) -> Accuracy:
    """The protocol in folds with the first face of each pair seen another time."""
    place = np.full(len(faces), -1)
    place[probes.of] = np.arange(len(probes.of))
    first = place[chosen.one]
    scores = np.einsum("nd,nd->n", probes.rows[first], faces[chosen.other])
    scores[~probes.found[first]] = NOT_FOUND
    return folds.accuracy(scores, chosen.same, chosen.fold)
