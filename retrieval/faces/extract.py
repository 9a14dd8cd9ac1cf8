"""One photo file → its faces, each aligned from the best pixels that the file has.

Detection works on a reduced photo; a face that is small there is cut out of the photo
in a higher resolution, because an embedder needs the pixels that a detector can spare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve import photos
from retrieve.faces.align import align, scale_of, similarity
from retrieve.faces.detector import Detector
from retrieve.faces.quality import measure
from retrieve.types import Crops, Face, Photo

DETECT_PX = 1024  # long side for detection: what the detectors' figures were measured at
# A crop may be enlarged by this much before a sharper source is read: below 1.25 the
# second decoding costs more than it tells.
ENLARGE_AT_MOST = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFaces:
    """The faces of one photo; row i of every array belongs to faces[i].

    photo    as detection saw it, in reduced resolution
    faces    in pixels of the whole photo
    crops    (N, crop_px, crop_px, 3) uint8 RGB, aligned
    quality  (N,) float32, 0 to 1
    """

    photo: Photo
    faces: list[Face]
    crops: Crops
    quality: NDArray[np.float32]


def extract(
    path: Path, detector: Detector, template: NDArray[np.float32], crop_px: int
) -> PhotoFaces:
    """Read a photo and find, align and judge its faces.

    template  (5, 2) x, y where the embedder wants the landmarks, in crop pixels
    raises    photos.BadPhoto if the file cannot be used
    """
    photo = photos.read(path, long_side_px=DETECT_PX)
    found = detector.detect([photo.pixels])[0]
    faces = [_in_photo(face, photo.scale) for face in found]
    crops = np.empty((len(faces), crop_px, crop_px, 3), np.uint8)
    quality = np.empty(len(faces), np.float32)
    source = _sharp_enough(photo, faces, template)
    for i, face in enumerate(faces):
        crops[i] = align(source.pixels, face.landmarks * source.scale, template, crop_px)
        quality[i] = measure(face, crops[i]).total
    return PhotoFaces(photo, faces, crops, quality)


def _sharp_enough(photo: Photo, faces: list[Face], template: NDArray[np.float32]) -> Photo:
    """The photo itself, or read again in the resolution that its smallest face asks for."""
    enlarge = [scale_of(similarity(face.landmarks * photo.scale, template)) for face in faces]
    if photo.scale == 1 or max(enlarge, default=0) <= ENLARGE_AT_MOST:
        return photo
    wanted = math.ceil(max(photo.pixels.shape) * max(enlarge))
    again = photos.read(photo.path, long_side_px=wanted)
    if again.sha256 != photo.sha256:
        raise photos.BadPhoto(f"{photo.path.name} changed while it was read; index again")
    return again


def _in_photo(face: Face, scale: float) -> Face:
    box, landmarks = face.box / scale, face.landmarks / scale
    return Face(box.astype(np.float32), landmarks.astype(np.float32), face.score)
