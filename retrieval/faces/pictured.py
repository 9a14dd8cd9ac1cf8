"""The stored picture of a face → the crop that an embedder wants, where the photo is gone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from retrieve.faces.embedding.align import Points, align, similarity
from retrieve.types import Pixels

# Crop this much beyond the picture's border, in its pixels, is called filled: less is the blur of
# the border itself.
BEYOND_PX = 0.5


def crop_of_picture(
    picture: Pixels, landmarks: Points, drawn: Points, template: Points, size_px: int
) -> tuple[Pixels, bool]:
    """A face cut out of its picture, and whether the crop reaches beyond that.

    picture    (S, S, 3) uint8 RGB, the face as it was turned and scaled once before
    landmarks  (5, 2) x, y in pixels of the photo
    drawn      (5, 2) x, y where they were brought to, in pixels of the picture
    template   (5, 2) x, y where they are wanted, in pixels of the crop
    size_px    side of the crop
    returns    (size_px, size_px, 3) uint8 RGB
    raises     BadInput if the landmarks coincide or are not finite

    What is beyond the picture is filled with the nearest pixel of its border.
    """
    turn = similarity(landmarks, drawn)
    seen = landmarks @ turn[:, :2].T + turn[:, 2]
    beyond = _beyond(similarity(template, seen), size_px, picture.shape[0])
    if beyond <= 0:
        return align(picture, seen, template, size_px), False
    margin = math.ceil(beyond) + 2  # which feed the interpolation at the crop's border
    wider = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), "edge")
    return align(wider, seen + margin, template, size_px), beyond > BEYOND_PX


def _beyond(matrix: NDArray[np.float64], size_px: int, side_px: int) -> float:
    """How far the crop reaches beyond the picture at most, in its pixels."""
    corners = np.array([[0, 0], [size_px, 0], [0, size_px], [size_px, size_px]], np.float64)
    placed = corners @ matrix[:, :2].T + matrix[:, 2]
    return float(max(-placed.min(), placed.max() - side_px))
