"""One face, turned upright and scaled to what an embedder was trained on.

Points are continuous: (0, 0) is the top left corner of the top left pixel, whose
centre is (.5, .5). A photo at half its size has all its points halved, nothing else.
Umeyama 1991, "Least-squares estimation of transformation parameters between two
point patterns".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.errors import BadInput
from retrieve.types import Pixels

Points = NDArray[np.float32] | NDArray[np.float64]  # (5, 2) x, y


def similarity(src: Points, dst: Points) -> NDArray[np.float64]:
    """The turn, scale and shift that bring src closest to dst in least squares.

    src, dst  (N, 2) x, y, N >= 2; row i of one belongs to row i of the other
    returns   (2, 3) float64: dst ≈ src @ M[:, :2].T + M[:, 2]; never a mirror image
    raises    BadInput if the points coincide or are not finite

    In the plane Umeyama's singular value decomposition has a closed form: with
    points as complex numbers, turn and scale are one factor.
    """
    src64, dst64 = np.asarray(src, np.float64), np.asarray(dst, np.float64)
    if not (np.isfinite(src64).all() and np.isfinite(dst64).all()):
        raise BadInput(f"landmarks must be finite; got {src64.tolist()}")
    z, w = src64 @ (1, 1j), dst64 @ (1, 1j)
    z_centred, w_centred = z - z.mean(), w - w.mean()
    spread = np.vdot(z_centred, z_centred).real
    factor = np.vdot(z_centred, w_centred) / spread if spread > 0 else 0j
    if abs(factor) < 1e-6 or spread < 1e-6:
        raise BadInput(f"landmarks must differ from one another; got {src64.tolist()}")
    shift = w.mean() - factor * z.mean()
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def scale_of(matrix: NDArray[np.float64]) -> float:
    """How many pixels of the crop one pixel of the photo becomes."""
    return math.hypot(matrix[0, 0], matrix[1, 0])


def align(pixels: Pixels, landmarks: Points, template: Points, size_px: int) -> Pixels:
    """Turn and scale one face so its landmarks meet the network's template.

    pixels     (H, W, 3) uint8 RGB
    landmarks  (5, 2) x, y in pixels: eyes, nose, mouth corners, each pair
               left to right as the viewer sees it
    template   (5, 2) x, y where the network wants them, in crop pixels
    size_px    side of the crop
    returns    (size_px, size_px, 3) uint8 RGB; black outside the photo
    raises     BadInput if the landmarks coincide

    Only the part of the photo that the crop shows is touched. A face larger than the
    crop is first shrunk with an area filter, so that no detail turns into aliasing.
    """
    matrix = similarity(landmarks, template)
    back = _inverse(matrix)
    corners = np.array([[0, 0], [size_px, 0], [0, size_px], [size_px, size_px]], np.float64)
    seen = corners @ back[:, :2].T + back[:, 2]
    height, width = pixels.shape[:2]
    # Two pixels of margin feed the interpolation at the crop's border.
    left, top = np.clip(np.floor(seen.min(axis=0)) - 2, 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(seen.max(axis=0)) + 2, 0, (width, height)).astype(int)
    if left >= right or top >= bottom:
        return np.zeros((size_px, size_px, 3), np.uint8)

    region = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    shrink = min(1.0, scale_of(matrix))
    small = (
        max(1, round(region.width * shrink)),
        max(1, round(region.height * shrink)),
    )
    per_x, per_y = small[0] / region.width, small[1] / region.height
    if shrink < 1:
        region = region.resize(small, Image.Resampling.BOX)
    back = (back - [[0, 0, left], [0, 0, top]]) * [[per_x], [per_y]]
    # Pillow walks over the crop's pixel centres and wants continuous points, as ours.
    crop = region.transform(
        (size_px, size_px),
        Image.Transform.AFFINE,
        tuple(back.ravel()),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(crop)


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    turn = np.linalg.inv(matrix[:, :2])
    return np.column_stack([turn, -turn @ matrix[:, 2]])
