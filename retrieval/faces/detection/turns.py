"""Quarter turns of a photo, and which of them a face asks for.

A turn is in degrees clockwise: 0, 90, 180 or 270. Faces that were found in a turned photo are
told in pixels of the photo as it is; their landmarks stay left and right as one sees them when
the face is upright, so that aligning turns the crop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.types import Face, Pixels

TURNS = (90, 180, 270)
UPRIGHT = 45.0  # degrees that a head may lean


def turned(pixels: Pixels, turn: int) -> Pixels:
    """The photo turned clockwise."""
    return np.ascontiguousarray(np.rot90(pixels, -turn // 90))


def turned_back(face: Face, size: tuple[int, int], turn: int) -> Face:
    """A face of the turned photo in pixels of the photo as it is.

    size  (height, width) of the photo as it is
    """
    corners = _back(face.box.reshape(2, 2), size, turn)
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return Face(box, _back(face.landmarks, size, turn), face.score)


def _back(points: NDArray[np.float32], size: tuple[int, int], turn: int) -> NDArray[np.float32]:
    height, width = size
    x, y = points[:, 0], points[:, 1]
    match turn:
        case 90:
            x, y = y, height - x
        case 180:
            x, y = width - x, height - y
        case 270:
            x, y = width - y, x
    return np.stack([x, y], axis=1).astype(np.float32)


def lean(face: Face) -> float:
    """Degrees clockwise from upright, over -180 to 180: mean of the line of the eyes and that
    from them to the mouth.
    """
    left, right, _, *mouth = face.landmarks.astype(np.float64)
    across, down = right - left, np.mean(mouth, axis=0) - (left + right) / 2
    directions = [complex(*across), complex(*down) / 1j]
    total = sum(one / max(abs(one), 1e-9) for one in directions)
    return float(np.degrees(np.angle(total)))


def is_upright(face: Face) -> bool:
    """Whether the head leans by no more than UPRIGHT."""
    return abs(lean(face)) <= UPRIGHT


def turn_for(face: Face) -> int:
    """The turn that brings the face nearest to upright."""
    return round(-lean(face) / 90) * 90 % 360
