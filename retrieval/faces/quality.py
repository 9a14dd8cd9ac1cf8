"""How much a face tells an embedder, from 0 to 1.

Four reasons why a face cannot be recognised, each measured without a network and each
enough to spoil it: too few pixels, blur, a head turned away, a doubtful detection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.types import Face, Pixels

EYES_PX = 30.0  # eyes this far apart lose nothing by being small
# Of 88 portraits blurred, shrunk or made noisy, these bounds rank the cosine between the
# embeddings before and after best: Spearman .84. Finer detail than 50 pixels a crop is
# noise as often as it is skin.
DETAIL_PX = 50
BLURRED, SHARP = 0.10, 0.35
TURNED = 0.6  # nose this far from between the eyes, in distances of the eyes: a profile
# The middle of a picture of 144 pixels, from the brows to below the chin.
_FACE = slice(34, 138), slice(20, 124)
_CENTRE = 0.6  # share of the crop that shows skin, eyes and mouth, not the background


@dataclass(frozen=True, slots=True)
class Quality:
    """The four parts, each 0 to 1; a passport photo reaches 1 in all.

    size       distance of the eyes
    sharpness  how much of the detail a slight blur would take away
    pose       how frontal the head is
    score      the detector's
    """

    size: float
    sharpness: float
    pose: float
    score: float

    @property
    def total(self) -> float:
        """The geometric mean: one bad part cannot be made up for by the others."""
        return float((self.size * self.sharpness * self.pose * self.score) ** 0.25)


def measure(face: Face, picture: Pixels) -> Quality:
    """The quality of one face.

    face     in pixels of the whole photo
    picture  (S, S, 3) uint8 RGB, the same face as views.PICTURE shows it
    """
    left, right, nose = face.landmarks[:3].astype(np.float64)
    eyes = right - left
    distance = max(float(np.hypot(*eyes)), 1e-6)
    # How far the nose lies to one side, along the line of the eyes.
    aside = abs(float((nose - (left + right) / 2) @ eyes)) / distance**2
    detail = (sharpness(picture[_FACE]) - BLURRED) / (SHARP - BLURRED)
    return Quality(
        size=min(1.0, distance / EYES_PX),
        sharpness=float(np.clip(detail, 0.01, 1)),  # never so blurred that nothing else counts
        pose=float(np.clip(1 - aside / TURNED, 0.01, 1)),
        score=float(np.clip(face.score, 0, 1)),
    )


def sharpness(crop: Pixels) -> float:
    """The share of the differences between neighbours that a 3 x 3 mean takes away, 0 to 1.

    A ratio, so that contrast and light hardly matter. A sharp picture loses much, one
    that is blurred already little. After Crété-Roffet et al. 2007, "The blur effect".
    """
    edge = round(DETAIL_PX * (1 - _CENTRE) / 2)
    small = Image.fromarray(crop).resize((DETAIL_PX, DETAIL_PX), Image.Resampling.BOX)
    grey = np.asarray(small.convert("L"))[edge : DETAIL_PX - edge, edge : DETAIL_PX - edge]
    before = grey.astype(np.float32)
    total = _differences(before)
    return 0.0 if total == 0 else max(0.0, 1 - _differences(_mean3(before)) / total)


def _mean3(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = grey[:-2] + grey[1:-1] + grey[2:]
    mean: NDArray[np.float32] = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return mean


def _differences(grey: NDArray[np.float32]) -> float:
    across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    return float(across.mean() + down.mean())
