"""Labelled photos → scores of pairs, for retrieve.faces.calibration.fit()."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.faces.embedding.views import chosen, together
from retrieve.faces.extract import PhotoFaces
from retrieve.types import Crops, Embeddings


def largest_faces(
    found: Iterable[tuple[Path, PhotoFaces | str]],
) -> tuple[list[Path], tuple[Crops, ...]]:
    """The largest face of each photo that has one.

    found    path, and its faces or why it was skipped
    returns  N paths and for each view their crops (N, S, S, 3)
    raises   BadInput if there is none
    """
    paths: list[Path] = []
    crops = []
    for path, outcome in found:
        if isinstance(outcome, str) or not outcome.faces:
            continue
        boxes = np.stack([face.box for face in outcome.faces])
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        paths.append(path)
        crops.append(chosen(outcome.crops, [int(areas.argmax())]))
    if not crops:
        raise BadInput("no face was found in any of the labelled photos")
    return paths, together(crops)


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
