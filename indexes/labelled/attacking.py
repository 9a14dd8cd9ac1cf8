"""The attack on aligned crops by the embedder's own gradient, and how far it gets.

Away: a face is changed to be missed by its own person's other faces. Toward: it is changed to pass
for a stranger, whose stored photo the attacker knows. Goodfellow, Shlens and Szegedy 2014. The
gradient is that of the network in float32; what it changed is rounded to 8 bits and measured with
the network as it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.evaluation.faces.folds import Chosen
from retrieve.evaluation.faces.pairs import People, probes_of
from retrieve.evaluation.faces.resampling import Share, share
from retrieve.evaluation.faces.robustness import Robust, robust
from retrieve.faces.embedding import averaging, views
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.embedding.gradients import Differentiable, attacked
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.types import Crops, Embeddings

STEPS = (1.0, 2.0, 4.0, 8.0, 16.0)  # ε, of 255


@dataclass(frozen=True, slots=True)
class Attack:
    """One ε.

    step      of 255, that each value of a crop changes at most
    mirrored  whether vectors are averaged with the mirror image's, which the attacker does not know
    away      how the probes do that were changed to be missed
    toward    the share of those changed to pass for a certain stranger that pass at the threshold
    """

    step: float
    mirrored: bool
    away: Robust
    toward: Share


def attack(
    embedder: AnyEmbedder,
    network: Differentiable,
    crops: tuple[Crops, ...],
    which: NDArray[np.int64],
    people: People,
    galleries: Sequence[tuple[Embeddings, float]],
    chosen: Chosen | None,
    *,
    seed: int = 0,
) -> list[Attack]:
    """Each of STEPS.

    crops      of all faces; which (K,): of these are changed, of people with two faces or more
    galleries  all faces (N, D) as the embedder sees them, and the threshold; perhaps the same with
               mirror images averaged
    chosen     as of robust()
    """
    rng = np.random.default_rng((seed, 0xF65))
    faces = galleries[0][0]
    clean = views.chosen(crops, which.tolist())
    strangers = np.array([rng.choice(np.flatnonzero(people != people[i])) for i in which.tolist()])
    own = np.stack([_others(faces, people, i) for i in which.tolist()])
    away = network.toward(clean, own)
    toward = network.toward(clean, faces[strangers])
    found = []
    for step in STEPS:
        changed = [
            (one, views.embed(embedder, one))
            for one in (attacked(clean, away, -step), attacked(clean, toward, step))
        ]
        for is_mirrored, (stored, threshold) in enumerate(galleries):
            missing, passing = (
                averaging.mirrored(embedder, one, rows) if is_mirrored else rows
                for one, rows in changed
            )
            scores = np.einsum("kd,kd->k", passing, stored[strangers])
            hits, trials = np.zeros((2, int(people.max()) + 1))
            np.add.at(hits, people[which], scores >= np.float32(threshold))
            np.add.at(trials, people[which], 1)
            found.append(
                Attack(
                    step,
                    bool(is_mirrored),
                    robust(stored, people, probes_of(missing, which), threshold, chosen, seed=seed),
                    share(hits, trials, seed=seed),
                )
            )
    return found


def _others(faces: Embeddings, people: People, i: int) -> NDArray[np.float32]:
    """(D,) the mean direction of the other faces of the person whom face i shows."""
    same = people == people[i]
    same[i] = False
    mean: NDArray[np.float32] = unit_rows(faces[same].sum(axis=0, keepdims=True))[0]
    return mean
