"""Faces without a collection: found, embedded, compared, with networks opened once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.faces import calibration, extract
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
from retrieve.faces.detection.detector import OF_A_DETECTOR, Detector
from retrieve.faces.detection.recipe import DEFAULT
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
from retrieve.faces.embedding.embedder import OF_AN_EMBEDDER, Embedder
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.faces.embedding.views import PICTURE, embed, views
from retrieve.faces.extract import Faces
from retrieve.faces.quality import measure
from retrieve.networks.own import check_embeddings, checked_network, weights_of
from retrieve.sources import reader_of
from retrieve.types import Embeddings

if TYPE_CHECKING:
    from retrieve.sources import PhotoLike


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike the most similar faces of two photos are.

        same = retrieve.compare("a.jpg", "b.jpg")
        print(same.score, same.probability, same.false_match_rate)

    score             cosine of the two embeddings, -1 to 1
    probability       that both faces are one person, at even odds beforehand; None without a
                      calibration of the embedder
    false_match_rate  share of pairs of strangers that score as high or higher; None without a
                      calibration. It is that of one pair: of `pairs` the best was taken
    faces             which face of each photo, 1 for the largest
    pairs             how many pairs of faces were compared
    """

    score: float
    probability: float | None
    false_match_rate: float | None
    faces: tuple[int, int]
    pairs: int


def detect(
    photo: PhotoLike, *, detector: str | Detector | None = None, turns: bool = True
) -> Faces:
    """The faces in a photo, largest first.

        faces = retrieve.detect("group.jpg")
        for face in faces: print(face.box, face.score)

    photo     path, bytes, image of Pillow, or array (H, W, 3) uint8 RGB
    detector  name, or an object with what retrieve.faces.detection.detector asks for; None is
              the default
    turns     search a photo in which no face stands upright turned by 90, 180 and 270 degrees
    returns   a sequence of Face that holds its photo; empty if there is none
    raises    BadInput for a photo of no use
    """
    return extract.detect(reader_of(photo), opened_detector(detector), DEFAULT.turning(turns))


def embed_faces(faces: Faces, *, embedder: str | Embedder | None = None) -> Embeddings:
    """One unit vector for each face, aligned from the photo that the faces were found in.

        vectors = retrieve.embed_faces(retrieve.detect("group.jpg"))
        vectors @ vectors.T                     # the scores of all pairs

    embedder  name, weights file, or an object with what retrieve.faces.embedding.embed asks for;
              None is the default
    returns   (N, D) float32, rows of length 1; N may be 0
    raises    BadInput for faces of no photo, WeightsError if the weights cannot be had
    """
    if not isinstance(faces, Faces):
        raise BadInput(
            "wanted the faces of a photo as retrieve.detect(photo) gives them; "
            f"got {type(faces).__name__}"
        )
    opened = opened_embedder(embedder)
    found = embed(opened, faces.crops(views(opened, faces.landmarks_of)))
    check_embeddings(found, opened.dim)
    return found


def compare(
    a: PhotoLike,
    b: PhotoLike,
    *,
    detector: str | Detector | None = None,
    embedder: str | Embedder | None = None,
    turns: bool = True,
) -> Comparison:
    """Whether two photos show one person: every face of one with every face of the other.

        same = retrieve.compare("a.jpg", "b.jpg")
        print(f"{same.score:.3f}: {same.probability:.0%}")

    raises  BadInput if there is no face in one of them, or it is of no use
    """
    found = [detect(photo, detector=detector, turns=turns) for photo in (a, b)]
    for which, faces in zip(("first", "second"), found, strict=True):
        if not faces:
            raise BadInput(f"no face found in {faces.photo.name}, the {which} of the two photos")
    scores = np.matmul(
        embed_faces(found[0], embedder=embedder), embed_faces(found[1], embedder=embedder).T
    )
    i, j = np.unravel_index(int(scores.argmax()), scores.shape)
    score = float(scores[i, j])
    worse = min(float(qualities(faces)[at]) for faces, at in zip(found, (i, j), strict=True))
    by, with_ = opened_detector(detector), opened_embedder(embedder)
    measured = calibration.find(weights_of(with_), by.name, weights_of(by))
    return Comparison(
        score,
        measured.probability(score, worse) if measured else None,
        measured.false_match_rate(score) if measured else None,
        (int(i) + 1, int(j) + 1),
        scores.size,
    )


def qualities(faces: Faces) -> NDArray[np.float32]:
    """(N,) 0 to 1 of the faces of a photo, as retrieve.faces.quality tells it."""
    (pictures,) = faces.crops([PICTURE])
    told = [measure(face, picture).total for face, picture in zip(faces, pictures, strict=True)]
    return np.array(told, np.float32)


def opened_detector(asked: str | Detector | None) -> Detector:
    """The one that was asked for, opened once a process; raises BadInput for what is none."""
    if asked is None or isinstance(asked, str):
        return _named_detector(asked or DEFAULT_DETECTOR)
    checked_network(asked, "a detector", OF_A_DETECTOR)
    return asked


def opened_embedder(asked: str | Embedder | None) -> AnyEmbedder:
    """Likewise."""
    if asked is None or isinstance(asked, str):
        return _named_embedder(asked or DEFAULT_EMBEDDER)
    checked_network(asked, "an embedder", OF_AN_EMBEDDER)
    return asked


@lru_cache(4)
def _named_detector(name: str) -> Detector:
    return open_detector(name)


@lru_cache(4)
def _named_embedder(name: str) -> AnyEmbedder:
    return open_embedder(name)
