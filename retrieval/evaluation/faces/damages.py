"""What happens to photographs: blur, noise, compression, dark, glasses, masks, distance.

Strengths that depend on how large a face is are told in its width, so that they mean the same in
every photo. Sources: Hendrycks and Dietterich 2019, "Benchmarking neural network robustness to
common corruptions and perturbations"; Ngan, Grother and Hanaoka 2020, NISTIR 8311 (masks drawn at
the landmarks).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from retrieve.types import Face

ELECTRONS = 5000.0  # that a pixel of a white wall collects in full light; they arrive by chance
DARK, CLOTH = (22, 22, 26), (188, 206, 222)
SMOOTH = 4  # times larger shapes are drawn and then shrunk, so that their edges are soft
# Shapes in a frame of the face: origin between the eyes, x along them, y towards the mouth, in
# distances of the eyes in a face that looks ahead.
MOUTH_AT = 1.1  # y of the mouth in such a face
LENS = (0.46, 0.36)  # half width and half height
BRIDGE = 0.07  # half height of what holds both together
MASK = (
    *((-0.98, 0.42), (-0.45, 0.36), (0.0, 0.28), (0.45, 0.36), (0.98, 0.42)),
    *((0.90, 1.15), (0.55, 1.70), (0.0, 1.90), (-0.55, 1.70), (-0.90, 1.15)),
)


@dataclass(frozen=True, slots=True)
class Damage:
    """One way of damaging a photo, and how much.

    kind      a name in KINDS
    strength  in the unit of the kind
    """

    kind: str
    strength: float

    @property
    def name(self) -> str:
        """As a table shows it."""
        kind = KINDS[self.kind]
        return f"{self.kind} {self.strength:g} {kind.unit}".rstrip() if kind.unit else self.kind


@dataclass(frozen=True, slots=True)
class Kind:
    """A way of damaging photos.

    unit       of the strength, "" where there is but one
    what       it is, in a sentence
    strengths  weakest first
    change     photo, face in its pixels, strength, chance → the photo damaged
    """

    unit: str
    what: str
    strengths: tuple[float, ...]
    change: Callable[[Image.Image, Face, float, np.random.Generator], Image.Image]


def damaged(photo: Image.Image, face: Face, damage: Damage, seed: int) -> Image.Image:
    """The photo damaged; it is smaller where the damage is distance, by the same on both sides.

    face  the labelled one, in pixels of the photo
    seed  of what is left to chance
    """
    rng = np.random.default_rng((seed, *damage.kind.encode()))
    return KINDS[damage.kind].change(photo, face, damage.strength, rng)


def every_damage() -> tuple[Damage, ...]:
    """All kinds at all strengths."""
    return tuple(Damage(name, one) for name, kind in KINDS.items() for one in kind.strengths)


def _width(face: Face) -> float:
    return float(face.box[2] - face.box[0])


def _blurred(photo: Image.Image, face: Face, percent: float, _: np.random.Generator) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(_width(face) * percent / 100))


def _noisy(photo: Image.Image, _: Face, deviation: float, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(photo, np.float32)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(deviation)
    return Image.fromarray(np.clip(pixels + noise + 0.5, 0, 255).astype(np.uint8))


def _compressed(
    photo: Image.Image, _: Face, quality: float, __: np.random.Generator
) -> Image.Image:
    kept = io.BytesIO()
    photo.save(kept, "JPEG", quality=int(quality))
    return Image.open(kept).convert("RGB")


def _dark(photo: Image.Image, _: Face, part: float, rng: np.random.Generator) -> Image.Image:
    """One part of the light, as a camera sees it that does not expose longer: photons are few."""
    light = _LINEAR[np.asarray(photo)] / part
    seen = rng.poisson(light * ELECTRONS) / ELECTRONS
    return Image.fromarray((_srgb(np.minimum(seen, 1.0)) * 255 + 0.5).astype(np.uint8))


def _with_glasses(photo: Image.Image, face: Face, _: float, __: np.random.Generator) -> Image.Image:
    eyes = _to_frame(face)(np.asarray(face.landmarks[:2], np.float64))
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    lens = np.stack([np.cos(angles), np.sin(angles)], axis=1) * LENS
    (x1, y1), (x2, y2) = eyes
    bridge = [(x1, y1 - BRIDGE), (x2, y2 - BRIDGE), (x2, y2 + BRIDGE), (x1, y1 + BRIDGE)]
    return _painted(photo, face, [lens + eyes[0], lens + eyes[1], np.array(bridge)], DARK)


def _with_mask(photo: Image.Image, face: Face, _: float, __: np.random.Generator) -> Image.Image:
    # Of a face that looks aside the nose tells how far its middle is to the side.
    nose = _to_frame(face)(np.asarray(face.landmarks[2:3], np.float64))
    return _painted(photo, face, [np.add(MASK, (nose[0, 0] / 2, 0))], CLOTH)


def _far(photo: Image.Image, face: Face, px: float, _: np.random.Generator) -> Image.Image:
    """As small as it takes for the face to be so wide; one that is smaller stays as it is."""
    share = min(1.0, px / max(_width(face), 1.0))
    size = max(1, round(photo.width * share)), max(1, round(photo.height * share))
    return photo.resize(size, Image.Resampling.BOX)


def _axes(face: Face) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Origin, the x axis (unit), and how many pixels 1 is."""
    points = np.asarray(face.landmarks, np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    apart = points[1] - points[0]
    distance = float(np.linalg.norm(apart))
    axis = apart / distance if distance > 0 else np.array([1.0, 0.0])
    # The eyes of a face that looks aside are near one another; its height is what it was.
    return eyes, axis, max(distance, float(np.linalg.norm(mouth - eyes)) / MOUTH_AT, 1.0)


def _to_frame(face: Face) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    origin, axis, unit = _axes(face)
    turn = np.stack([axis, np.array([-axis[1], axis[0]])], axis=1)
    return lambda points: (points - origin) @ turn / unit


def _painted(
    photo: Image.Image,
    face: Face,
    shapes: list[NDArray[np.float64]],
    colour: tuple[int, int, int],
) -> Image.Image:
    """Polygons in the frame of the face, filled."""
    origin, axis, unit = _axes(face)
    turn = np.stack([axis, np.array([-axis[1], axis[0]])])
    placed = [shape @ turn * unit + origin for shape in shapes]
    every = np.concatenate(placed)
    left, top = np.floor(every.min(axis=0)).astype(int) - 1
    right, bottom = np.ceil(every.max(axis=0)).astype(int) + 1
    size = int(right - left), int(bottom - top)
    drawn = Image.new("L", (size[0] * SMOOTH, size[1] * SMOOTH))
    canvas = ImageDraw.Draw(drawn)
    for shape in placed:
        canvas.polygon([*map(tuple, ((shape - (left, top)) * SMOOTH).tolist())], fill=255)
    changed = photo.copy()
    changed.paste(colour, (int(left), int(top)), drawn.resize(size, Image.Resampling.BOX))
    return changed


def _srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light, 0 to 1, as it is written in files (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _linear() -> NDArray[np.float64]:
    """Of each of the 256 values how much light it stands for."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


_LINEAR = _linear()

KINDS: dict[str, Kind] = {
    "blur": Kind("%", "Gaussian, σ in per cent of the face's width", (2, 5, 10), _blurred),
    "noise": Kind("of 255", "Gaussian, σ", (20, 40, 80), _noisy),
    "JPEG": Kind("quality", "the photo saved again", (20, 10, 5), _compressed),
    "dark": Kind("times", "less light, with the noise of few photons", (8, 32, 128), _dark),
    "far": Kind("px", "the photo shrunk until the face is so wide", (40, 24, 16), _far),
    "sunglasses": Kind("", "black lenses over both eyes", (1,), _with_glasses),
    "mask": Kind("", "a mask from the nose to the chin", (1,), _with_mask),
}
