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
from retrieve.faces.embedding.views import chosen, together
from retrieve.faces.extract import PhotoFaces
from retrieve.types import Crops, Embeddings, Face


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
