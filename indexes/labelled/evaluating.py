"""The whole of `retrieve evaluate faces`: labelled photos in, figures out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.clusters import Clusters, clusters
from retrieve.evaluation.faces import folds, measured, pairs
from retrieve.evaluation.faces.damages import Damage, every_damage
from retrieve.evaluation.faces.measured import Measured
from retrieve.evaluation.faces.pairs import NOT_FOUND, probes_of
from retrieve.evaluation.faces.robustness import Robust, robust
from retrieve.faces import calibration
from retrieve.faces.calibration import DEFAULT_CHANCE, FEWEST_PAIRS, Calibration
from retrieve.faces.embedding.averaging import Averaging
from retrieve.faces.embedding.gradients import Differentiable
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.labelled.attacking import Attack, attack
from retrieve.indexes.labelled.embedded import PLAIN, Labelled, Progress, labelled
from retrieve.indexes.labelled.labels import Asked
from retrieve.indexes.people.groups.grouping import group
from retrieve.indexes.people.groups.thresholds import thresholds_among
from retrieve.networks.own import weights_of
from retrieve.training.calibrate import pair_scores, stranger_curve
from retrieve.types import Embeddings, Skipped

PROBES = 300  # faces that are damaged and attacked; of more, a sample


@dataclass(frozen=True, slots=True)
class Line:
    """Probes of one kind, in one way of averaging.

    damage  None: as they are
    """

    averaging: str
    damage: Damage | None
    found: Robust


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What an embedder is worth on labelled photos.

    embedder, detector  by name
    photos    how many were labelled; skipped: those without a face and those that cannot be read
    measured  by way of averaging, PLAIN first
    grouped   the labelled faces, grouped without their labels; None of chosen pairs, or without a
              calibration that tells how strangers score
    robust    damaged probes; attacks: those of the gradient
    chance    that the thresholds named `stated` are for; None without such a calibration
    is_own    whether that was fitted on these people, since the embedder has none: what it states
              is a little too good then
    """

    embedder: str
    detector: str
    photos: int
    skipped: Sequence[Skipped]
    measured: Mapping[str, Measured]
    grouped: Clusters | None = None
    robust: Sequence[Line] = ()
    attacks: Sequence[Attack] = ()
    chance: float | None = None
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How it is measured.

    averagings  beside the embedder as it is
    probes      faces that are damaged, at most; 0 damages none
    attacks     whether they are attacked, too
    largest     the labelled face is the largest, not the one nearest the middle
    seed        of draws, of folds, of noise
    workers     processes that read photos
    """

    averagings: tuple[Averaging, ...] = ()
    probes: int = 0
    attacks: bool = False
    largest: bool = False
    seed: int = 0
    workers: int = 2


def evaluate(
    networks: Networks,
    people: Mapping[Path, str],
    options: Options,
    network: Differentiable | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """All protocols on labelled photos.

    people   photo → who is in it
    network  the embedder with gradients, for attacks and for averaging over dropout
    raises   BadInput unless there is somebody with two faces, and somebody else
    """
    photos = [*people]
    damages = every_damage() if options.probes else ()
    of = _sample(list(people.values()), options.probes, options.seed)
    faces = labelled(
        networks,
        photos,
        damages=damages,
        of=of.tolist(),
        averagings=options.averagings,
        dropping=network,
        largest=options.largest,
        seed=options.seed,
        workers=options.workers,
        progress=progress,
    )
    names = [people[photos[i]] for i in faces.places]
    who = pairs.numbered(names)
    threshold_for = grouped = None
    fitted, is_own = _calibration(networks, faces.embeddings[PLAIN][0], names)
    if fitted is not None:
        threshold_for = partial(_threshold, fitted)
        thresholds = thresholds_among(fitted, len(who))
        groups = group(faces.embeddings[PLAIN][0], faces.quality, faces.places, thresholds)
        grouped = clusters(groups.labels, names)
    told = {
        # The calibration is of the embedder as it is.
        way: measured.measure(
            rows[0], who, stated=threshold_for if way == PLAIN else None, seed=options.seed
        )
        for way, rows in faces.embeddings.items()
    }
    lines, attacks = _robust(networks, faces, who, of, damages, told, options, network)
    return Evaluation(
        networks.embedder.name,
        networks.detector.name,
        len(photos),
        faces.skipped,
        told,
        grouped,
        lines,
        attacks,
        None if threshold_for is None else DEFAULT_CHANCE,
        is_own,
    )


def evaluate_pairs(
    networks: Networks,
    asked: Asked,
    options: Options,
    network: Differentiable | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """The protocol on chosen pairs: each has an answer, "different" where a face is not found."""
    photos = list(dict.fromkeys([*asked.one, *asked.other]))
    faces = labelled(
        networks,
        photos,
        averagings=options.averagings,
        dropping=network,
        largest=options.largest,
        seed=options.seed,
        workers=options.workers,
        progress=progress,
    )
    row = np.full(len(photos), -1)
    row[faces.places] = np.arange(len(faces.places))
    number = {path: i for i, path in enumerate(photos)}
    one, other = (row[[number[path] for path in side]] for side in (asked.one, asked.other))
    told = {}
    for way, rows in faces.embeddings.items():
        scores = np.einsum("nd,nd->n", rows[0][one], rows[0][other])
        scores[(one < 0) | (other < 0)] = NOT_FOUND
        told[way] = measured.measure_pairs(
            scores,
            asked.same,
            asked.fold,
            asked.people,
            faces=len(faces.places),
            seed=options.seed,
        )
    return Evaluation(
        networks.embedder.name, networks.detector.name, len(photos), faces.skipped, told
    )


def _robust(
    networks: Networks,
    faces: Labelled,
    who: NDArray[np.int64],
    of: NDArray[np.int64],
    damages: Sequence[Damage],
    told: Mapping[str, Measured],
    options: Options,
    network: Differentiable | None,
) -> tuple[list[Line], list[Attack]]:
    if not options.probes:
        return [], []
    # Of the sample those who have a face, and whose person has another.
    which = np.flatnonzero(np.isin(faces.places, of) & (np.bincount(who)[who] > 1))
    if not which.size:
        raise BadInput(
            f"wanted faces to damage, of people with two; none was found in the {len(of)} photos "
            "that were drawn for it. Let --probes be more, or leave out --robust"
        )
    first = np.isin(np.arange(len(who)), which)
    chosen = folds.chosen(who, first=first, seed=options.seed)
    lines = []
    for way, rows in faces.embeddings.items():
        threshold = told[way].operating.threshold
        for place, damage in enumerate([None, *damages]):
            probes = probes_of(rows[place][which], which, faces.found[place][which])
            found = robust(rows[0], who, probes, threshold, chosen, seed=options.seed)
            lines.append(Line(way, damage, found))
    if network is None or not options.attacks:
        return lines, []
    galleries = [
        (faces.embeddings[way][0], told[way].operating.threshold)
        for way in (PLAIN, Averaging.MIRROR)
        if way in faces.embeddings
    ]
    return lines, attack(
        networks.embedder,
        network,
        faces.crops,
        which,
        who,
        galleries,
        chosen,
        seed=options.seed,
    )


def _sample(people: list[str], probes: int, seed: int) -> NDArray[np.int64]:
    """Which photos are damaged, of people with two or more, rising."""
    often = Counter(people)
    several = [i for i, person in enumerate(people) if often[person] > 1]
    order = np.random.default_rng((seed, 0x5A)).permutation(np.array(several, np.int64))
    return np.sort(order[:probes])


def _threshold(fitted: Calibration, people: int) -> float:
    return fitted.threshold_among([1] * people)


def _calibration(
    networks: Networks, faces: Embeddings, people: list[str]
) -> tuple[Calibration | None, bool]:
    """One that tells how strangers score, and whether it was fitted on these people: where the
    embedder has none. None where they are too few.
    """
    embedder, detector = networks.embedder, networks.detector
    sha256 = weights_of(embedder)
    found = calibration.find(sha256, detector.name, weights_of(detector))
    if found is not None and found.strangers is not None:
        return found, False
    genuine, impostor = pair_scores(faces, people)
    curve = stranger_curve(faces, people)
    if curve is None or min(genuine.size, impostor.size) < FEWEST_PAIRS:
        return None, False
    fitted = calibration.fit(
        genuine,
        impostor,
        embedder=embedder.name,
        embedder_sha256=sha256,
        detector=detector.name,
        data="",
        curve=curve,
    )
    return fitted, True
