"""One photo → its faces, each aligned from the best pixels that the photo has.

Detection works on a reduced photo; a face that is small there is cut out of the photo
in a higher resolution, because an embedder needs the pixels that a detector can spare.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from retrieve import notebook, photos
from retrieve.faces.detection.detector import Detector, landmarks_of
from retrieve.faces.detection.find import find
from retrieve.faces.detection.recipe import DEFAULT, Recipe
from retrieve.faces.embedding.align import align, scale_of, similarity
from retrieve.faces.embedding.views import PICTURE, View
from retrieve.faces.quality import measure
from retrieve.sources import Reader
from retrieve.types import Crops, Face, Photo

# A crop may be enlarged by this much before a sharper source is read: below 1.25 the
# second decoding costs more than it tells.
ENLARGE_AT_MOST = 1.25

# Landmarks are rounded to a sixteenth of a pixel before a face is cut out. A detector computes in
# float32, whose sums end differently on processors with other instructions: by some 1e-5 pixels,
# which turned single values of a crop by one and its embedding to a cosine of .9998. Rounded, the
# same file has the same embedding on all of them, but for one face in some hundreds.
LANDMARK_STEPS = 16


class Faces(Sequence[Face]):
    """The faces of one photo, largest first, with the photo that they can be cut out of.

        faces = retrieve.detect("group.jpg")
        len(faces), faces[0].box, faces.photo.size
        vectors = retrieve.embed_faces(faces)

    photo     as detection saw it, in reduced resolution; the faces are in pixels of the whole
    detector  the name of what found them
    landmarks_of
              the detector whose landmarks they have: embedders know by it where they belong
    turn      degrees clockwise by which the photo was turned to find them
    """

    def __init__(
        self,
        read: Reader,
        photo: Photo,
        faces: Sequence[Face],
        detector: str,
        *,
        landmarks_of: str | None = None,
        turn: int = 0,
    ) -> None:
        self.photo = photo
        self.detector = detector
        self.landmarks_of = landmarks_of or detector
        self.turn = turn
        self._read = read
        self._faces = tuple(faces)

    def __len__(self) -> int:
        return len(self._faces)

    @overload
    def __getitem__(self, which: int) -> Face: ...
    @overload
    def __getitem__(self, which: slice) -> Faces: ...
    def __getitem__(self, which: int | slice) -> Face | Faces:
        if isinstance(which, slice):
            return Faces(
                self._read,
                self.photo,
                self._faces[which],
                self.detector,
                landmarks_of=self.landmarks_of,
                turn=self.turn,
            )
        return self._faces[which]

    def __repr__(self) -> str:
        return f"Faces({notebook.counted(len(self), 'face')} in {self.photo.name})"

    def _repr_html_(self) -> str:
        cards = [
            notebook.card(
                notebook.cut_out(self.photo.pixels, face.box * np.float32(self.photo.scale)),
                [f"{number}. {face.score:.3f}"],
            )
            for number, face in enumerate(self[: notebook.MOST], 1)
        ]
        return notebook.page(f"{notebook.counted(len(self), 'face')} in {self.photo.name}", cards)

    def crops(self, views: Sequence[View]) -> tuple[Crops, ...]:
        """The faces as each view shows them: (N, size_px, size_px, 3) uint8 RGB, aligned.

        raises  photos.BadPhoto if the file changed since
        """
        source = self._sharp_enough(views)
        found = []
        for view in views:
            crops = np.empty((len(self), view.size_px, view.size_px, 3), np.uint8)
            for i, face in enumerate(self):
                landmarks = steady(face.landmarks) * source.scale
                crops[i] = align(source.pixels, landmarks, view.template, view.size_px)
            found.append(crops)
        return tuple(found)

    def _sharp_enough(self, views: Sequence[View]) -> Photo:
        """The photo itself, or read again in the resolution that its smallest face asks for."""
        photo = self.photo
        enlarge = [
            scale_of(similarity(face.landmarks * photo.scale, view.template))
            for face in self
            for view in views
        ]
        if photo.scale == 1 or max(enlarge, default=0) <= ENLARGE_AT_MOST:
            return photo
        again = self._read(math.ceil(max(photo.pixels.shape) * max(enlarge)))
        if again.sha256 != photo.sha256:
            raise photos.BadPhoto(f"{photo.name} changed while it was read; read it again")
        return again


def steady(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(5, 2) landmarks in pixels of the photo without the digits that processors disagree on."""
    steps = np.float32(LANDMARK_STEPS)
    rounded: NDArray[np.float32] = np.rint(landmarks * steps) / steps
    return rounded


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFaces:
    """The faces of one photo; row i of every array belongs to faces[i].

    photo     as detection saw it, in reduced resolution
    faces     in pixels of the whole photo
    crops     for each view that was asked for (N, size_px, size_px, 3) uint8 RGB, aligned
    pictures  the same of PICTURE: what is shown and kept
    quality   (N,) float32, 0 to 1
    turn      degrees clockwise by which the photo was turned to find them
    """

    photo: Photo
    faces: list[Face]
    crops: tuple[Crops, ...]
    pictures: Crops
    quality: NDArray[np.float32]
    turn: int = 0


def detect(read: Reader, detector: Detector, recipe: Recipe = DEFAULT) -> Faces:
    """Read a photo and find its faces.

    recipe  how the photo is searched
    raises  photos.BadPhoto if it cannot be used
    """
    found = find(read, detector, recipe)
    return Faces(
        read,
        found.photo,
        found.faces,
        detector.name,
        landmarks_of=landmarks_of(detector),
        turn=found.turn,
    )


def extract(
    read: Reader, detector: Detector, views: Sequence[View], recipe: Recipe = DEFAULT
) -> PhotoFaces:
    """Read a photo and find, align and judge its faces.

    views   what the embedder wants to see of each
    recipe  how the photo is searched
    raises  photos.BadPhoto if it cannot be used
    """
    return _cut_out(detect(read, detector, recipe), views)


def extract_known(
    read: Reader, faces: Sequence[Face], detector: str, views: Sequence[View]
) -> PhotoFaces:
    """Read a photo and align and judge faces that were found in it before.

    faces     in pixels of the whole photo
    detector  the name of what found them
    Otherwise as extract().
    """
    return _cut_out(Faces(read, read(DEFAULT.photo_px), faces, detector), views)


def _cut_out(faces: Faces, views: Sequence[View]) -> PhotoFaces:
    *crops, pictures = faces.crops([*views, PICTURE])
    quality = [measure(face, picture).total for face, picture in zip(faces, pictures, strict=True)]
    return PhotoFaces(
        faces.photo,
        list(faces),
        tuple(crops),
        pictures,
        np.array(quality, np.float32),
        faces.turn,
    )
