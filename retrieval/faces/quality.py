"""How likely the default embedder finds a face again, judged without a network.

Quality is the chance that a face and a good photo of the same person pass the threshold of two
faces together: a face of .9 misses one of ten such pairs. It is told from how large, sharp and
frontal the face is, how it is lit, and whether its eyes and its mouth have as much detail as the
rest. The coefficients are fitted to faces and damaged copies of them by
`python -m benchmarks.quality`.

Sources: Grother, Hom, Ngan and Hanaoka 2023, "Ongoing Face Recognition Vendor Test, part 5: face
image quality assessment" (what a quality is to predict); Crété-Roffet et al. 2007, "The blur
effect" (sharpness).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.errors import WeightsError
from retrieve.types import Face, Pixels

FITTED = Path(__file__).with_name("data") / "quality.json"
EYES_PX = 40.0  # eyes this far apart lose nothing by being small
DETAIL_PX = 50  # finer detail than that of a face this wide is noise as often as it is skin
TURNED = 0.6  # nose this far from between the eyes, in distances of the eyes: a profile
# Size, sharpness, light, contrast, detail of eyes and mouth from which more earns nothing: about
# what nine of ten news photos have.
ENOUGH = (0.6, 0.4, 0.4, 0.25, 0.5, 0.45)
# Lower bounds of the bins that figures are given for.
BINS = (0.0, 0.5, 0.8, 0.95)
# Of a picture of 144 pixels (views.PICTURE): from the brows to below the chin; in 50 pixels of
# that, the rows of the eyes, and of mouth and chin.
_FACE = slice(34, 138), slice(20, 124)
_INNER, _EYES, _MOUTH = slice(8, 44), slice(10, 21), slice(28, 42)

Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quality:
    """What the chance is told from, each 0 to 1, and the chance itself.

    size       distance of the eyes, 1 from EYES_PX on
    sharpness  how much of the detail a slight blur takes away
    pose       how frontal the head is
    light      mean brightness
    contrast   differences of brightness, against their mean
    eyes       detail around the eyes against that of the whole face: little behind dark glasses
    mouth      the same of mouth and chin: little behind a mask
    total      the chance that it is found
    """

    size: float
    sharpness: float
    pose: float
    light: float
    contrast: float
    eyes: float
    mouth: float

    @property
    def total(self) -> float:
        fitted = _fitted()
        log_odds = fitted.intercept + float(fitted.coefficients @ terms(self))
        return float(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))))


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Log odds that a face is found = intercept + coefficients (K,) @ terms()."""

    intercept: float
    coefficients: NDArray[np.float64]


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
    grey = _grey(picture[_FACE])
    inner = grey[_INNER, _INNER]
    mean = float(inner.mean())
    detail = max(_differences(inner), 1e-6)
    return Quality(
        size=min(1.0, distance / EYES_PX),
        sharpness=sharpness(picture[_FACE]),
        pose=float(np.clip(1 - aside / TURNED, 0, 1)),
        light=mean / 255,
        contrast=min(1.0, float(inner.std()) / max(mean, 1.0)),
        eyes=min(1.0, _differences(grey[_EYES, _INNER]) / (2 * detail)),
        mouth=min(1.0, _differences(grey[_MOUTH, _INNER]) / (2 * detail)),
    )


def terms(quality: Quality) -> NDArray[np.float64]:
    """(K,) what is wrong with a face, 0 and more each, and the squares of that.

    In halvings, because half the size costs the same from wherever it is halved, and from where
    it begins to cost. None of them makes the chance greater.
    """
    names = ("size", "sharpness", "light", "contrast", "eyes", "mouth")
    parts = [float(getattr(quality, name)) for name in names]
    wrong = [
        max(0.0, float(np.log2(enough / max(part, enough / 64))))
        for part, enough in zip(parts, ENOUGH, strict=True)
    ]
    wrong.append(1 - quality.pose)
    return np.array([*wrong, *(one * one for one in wrong)], np.float64)


def bin_of(quality: float) -> int:
    """Which of BINS a quality lies in, 0 for the worst."""
    return int(np.searchsorted(BINS, quality, side="right")) - 1


def sharpness(crop: Pixels) -> float:
    """The share of the differences between neighbours that a 3 x 3 mean takes away, 0 to 1.

    A ratio, so that contrast and light hardly matter. A sharp picture loses much, one
    that is blurred already little.
    """
    inner = _grey(crop)[_INNER, _INNER]
    total = _differences(inner)
    return 0.0 if total == 0 else max(0.0, 1 - _differences(_mean3(inner)) / total)


@cache
def _fitted() -> Fitted:
    try:
        stated = json.loads(FITTED.read_text("utf-8"))
        return Fitted(stated["intercept"], np.array(stated["coefficients"], np.float64))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{FITTED} is damaged: {error}. Install retrieve again: "
            "pip install --force-reinstall --no-deps retrieve"
        ) from error


def _grey(crop: Pixels) -> Grey:
    """(DETAIL_PX, DETAIL_PX) brightness, 0 to 255."""
    small = Image.fromarray(crop).resize((DETAIL_PX, DETAIL_PX), Image.Resampling.BOX)
    return np.asarray(small.convert("L"), np.float32)


def _mean3(grey: Grey) -> Grey:
    rows = grey[:-2] + grey[1:-1] + grey[2:]
    mean: Grey = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return mean


def _differences(grey: Grey) -> float:
    across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    return float(across.mean() + down.mean())
