"""Labelled photos → scores of pairs, for retrieve.faces.calibration.fit()."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation import strangers
from retrieve.evaluation.strangers import Curve, pair_weights
from retrieve.evaluation.verification import expected_error
from retrieve.faces import calibration
from retrieve.faces.calibration import Worse
from retrieve.faces.embedding.views import chosen, together
from retrieve.faces.extract import PhotoFaces
from retrieve.types import Crops, Embeddings, Face

BELOW = (0.2, 0.5, 0.8, 0.9)  # qualities; from the last on one answer serves all
FEWEST_PAIRS = 100  # of one person and of two, to tell what scores of a quality mean
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The labelled face of each photo that has a face; row i of all is one.

    crops    for each view (N, S, S, 3)
    quality  (N,) 0 to 1
    """

    paths: list[Path]
    crops: tuple[Crops, ...]
    quality: NDArray[np.float32]


def labelled_face(faces: Sequence[Face], size: tuple[int, int], *, largest: bool = False) -> int:
    """Which of a photo's faces the label means: the one nearest the middle.

    faces    one at least, in photo pixels
    size     (height, width) of the photo
    largest  the one of which most is to be seen instead
    """
    height, width = size
    if not largest:
        middle = np.array([width, height]) / 2
        away = [np.linalg.norm(face.landmarks.mean(axis=0) - middle) for face in faces]
        return int(np.argmin(away))
    # A box that the border cuts counts for what lies in the photo, or a neighbour who leans into
    # it beats its subject.
    most = np.array([width, height, width, height], np.float32)
    boxes = np.clip([face.box for face in faces], 0, most)
    return int(np.argmax((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])))


def labelled_faces(
    found: Iterable[tuple[Path, PhotoFaces | str]], *, largest: bool = False
) -> Labelled:
    """The labelled face of each photo that has one.

    found    path, and its faces or why it was skipped
    largest  as of labelled_face()
    raises   BadInput if there is none
    """
    paths: list[Path] = []
    crops, quality = [], []
    for path, outcome in found:
        if isinstance(outcome, str) or not outcome.faces:
            continue
        which = labelled_face(outcome.faces, outcome.photo.size, largest=largest)
        paths.append(path)
        crops.append(chosen(outcome.crops, [which]))
        quality.append(outcome.quality[which])
    if not crops:
        raise BadInput("no face was found in any of the labelled photos")
    return Labelled(paths, together(crops), np.array(quality, np.float32))


def pair_scores(
    embeddings: Embeddings, people: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosine scores of all pairs: of one person, and of two.

    embeddings  (N, D); people: N identities
    returns     genuine (G,) and impostor (M,), G + M = N (N - 1) / 2
    """
    rows, columns = np.triu_indices(len(embeddings), k=1)
    scores = (embeddings @ embeddings.T)[rows, columns]
    names = np.asarray(people, np.str_)
    same = names[rows] == names[columns]
    return scores[same], scores[~same]


def worse_by_quality(
    embeddings: Embeddings,
    people: Sequence[str],
    quality: NDArray[np.float32],
    before: Sequence[Worse] = (),
) -> tuple[Worse, ...]:
    """What scores mean below each of BELOW, by the quality of the worse face of a pair.

    embeddings  (N, D); people: N identities; quality: (N,) 0 to 1
    before      what is known already, for qualities that too few of these pairs have
    """
    rows, columns = np.triu_indices(len(embeddings), k=1)
    scores, worst = (embeddings @ embeddings.T)[rows, columns], np.minimum.outer(quality, quality)
    worst, names = worst[rows, columns], np.asarray(people, np.str_)
    same = names[rows] == names[columns]
    found = {one.below: one for one in before}
    low = 0.0
    for below in BELOW:
        inside = (worst >= low) & (worst < below)
        genuine, impostor = scores[inside & same], scores[inside & ~same]
        if min(genuine.size, impostor.size) >= FEWEST_PAIRS:
            found[below] = calibration.worse_below(below, genuine, impostor)
        low = below
    return tuple(found[below] for below in sorted(found))


def held_out_error(
    embeddings: Embeddings,
    people: Sequence[str],
    quality: NDArray[np.float32],
    before: Sequence[Worse] = (),
) -> tuple[float, float] | None:
    """How far probabilities lie from the truth on people whom they were not fitted on.

    embeddings, people, quality, before  as of worse_by_quality()
    returns  expected calibration error at even odds, on average over FOLDS folds of people and in
             the worst of them; None where a fold has too few pairs
    """
    names, who = np.unique(np.asarray(people, np.str_), return_inverse=True)
    fold = (np.random.default_rng(0).permutation(len(names)) % FOLDS)[who]
    errors = []
    for k in range(FOLDS):
        sides = []
        for inside in (fold != k, fold == k):
            own = [person for person, yes in zip(people, inside, strict=True) if yes]
            sides.append((embeddings[inside], own, quality[inside]))
        fitted_on, held = (pair_scores(rows, own) for rows, own, _ in sides)
        if min(side.size for side in (*fitted_on, *held)) < 10:
            return None
        fitted = calibration.fit(
            *fitted_on,
            embedder="",
            embedder_sha256="",
            detector="",
            data="",
            worse=worse_by_quality(*sides[0], before),
        )
        rows, own, good = sides[1]
        a, b = np.triu_indices(len(rows), k=1)
        scores, worst = (rows @ rows.T)[a, b].tolist(), np.minimum(good[a], good[b]).tolist()
        chances = np.array([fitted.probability(*one) for one in zip(scores, worst, strict=True)])
        same = np.asarray(own, np.str_)[a] == np.asarray(own, np.str_)[b]
        errors.append(expected_error(chances[same], chances[~same]))
    return float(np.mean(errors)), max(errors)


def stranger_curve(embeddings: Embeddings, people: Sequence[str]) -> Curve | None:
    """How often two strangers score as high as that; None where there are too few people.

    embeddings  (N, D); people: N identities
    """
    if len(set(people)) < strangers.FEWEST_PEOPLE:
        return None
    rows, columns = np.triu_indices(len(embeddings), k=1)
    weights = pair_weights(people, people)[rows, columns]
    scores = (embeddings @ embeddings.T)[rows, columns]
    return strangers.fit(scores[weights > 0], weights[weights > 0])
