"""The stored picture of a face → the crops that an embedder wants, where the photo is gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.faces.embedding.align import Points, align, similarity
from retrieve.faces.embedding.embed import families
from retrieve.faces.embedding.views import PICTURE, View
from retrieve.types import Pixels

SHRUNK_PX = 112  # side of the pictures that were kept of an embedder's crops
# A crop this much beyond the picture's border, in its pixels, counts as filled: less is within the
# blur of the border itself.
BEYOND_PX = 0.5


def shown_by(shows: str | None, detector: str) -> View | None:
    """What a stored picture shows; None if nobody knows.

    shows     as the catalog has it: "picture" for PICTURE, the name of an embedder for its crop
    detector  the name of what found the landmarks
    """
    if shows == "picture":
        return PICTURE
    try:
        (family,) = families(shows or "")
        return View(family.template(detector) * np.float32(SHRUNK_PX / family.crop_px), SHRUNK_PX)
    except BadInput:
        return None


def crop_of_picture(
    picture: Pixels, landmarks: Points, shown: View, wanted: View
) -> tuple[Pixels, bool]:
    """A face cut out of its picture, and whether the crop reaches beyond that.

    picture    (S, S, 3) uint8 RGB, the face as it was turned and scaled once before
    landmarks  (5, 2) x, y in pixels of the photo
    shown      what the picture shows
    returns    (wanted.size_px, wanted.size_px, 3) uint8 RGB
    raises     BadInput if the landmarks coincide or are not finite, or the picture is another one

    What is beyond the picture is black, as it is beyond a photo: networks have seen faces at the
    border of photos. Continued pixels cost three times as much (benchmarks.pictured measures it).
    """
    if picture.shape[:2] != (shown.size_px, shown.size_px):
        raise BadInput(f"its stored picture has not the side of {shown.size_px} pixels")
    turn = similarity(landmarks, shown.template)
    seen = landmarks @ turn[:, :2].T + turn[:, 2]
    beyond = _beyond(similarity(wanted.template, seen), wanted.size_px, shown.size_px)
    return align(picture, seen, wanted.template, wanted.size_px), beyond > BEYOND_PX


def _beyond(matrix: NDArray[np.float64], size_px: int, side_px: int) -> float:
    """How far the crop reaches beyond the picture at most, in its pixels."""
    corners = np.array([[0, 0], [size_px, 0], [0, size_px], [size_px, size_px]], np.float64)
    placed = corners @ matrix[:, :2].T + matrix[:, 2]
    return float(max(-placed.min(), placed.max() - side_px))
