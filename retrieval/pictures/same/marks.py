"""Marks in a small grey copy of a picture: corners at several scales, and what is around each.

Multi-scale oriented patches (Brown, Szeliski and Winder 2005, "Multi-image matching using
multi-scale oriented patches") without the orientation: a picture that was edited is turned by some
degrees or by quarters, and quarters are tried one by one (compared.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.types import Pixels

Floats = NDArray[np.float32]

SKETCH_PX = 192  # long side of the grey copy: a third of it still shows what a picture is
SCALES = tuple(0.75**step for step in range(6))  # of the copy, that marks are sought in
# Marks in the first scale; in each further one fewer, as its area, but not fewer than LEAST_MARKS.
MOST_MARKS, LEAST_MARKS = 90, 16
CELL_PX = 9  # a mark is the strongest corner within so many pixels each way, of its scale
PATCH = 8  # samples a side of what is compared
SPACING_PX = 2.0  # between them
EDGE_PX = 5  # no marks nearer to the margin: of a border's corners every picture has some
GREY = 2.0  # mean difference of the largest and the smallest value of a pixel, of 255
FLAT = 2.0  # a patch with a smaller standard deviation, of 255, shows nothing


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What a picture is recognised by.

    at       (M, 2) x, y in pixels of the grey copy
    scale    (M,) pixels of the copy that a pixel of the mark's scale covers
    patches  (M, PATCH, PATCH) float32, of mean 0 and length 1
    """

    at: Floats
    scale: Floats
    patches: Floats

    def __len__(self) -> int:
        return len(self.at)


def sketch(pixels: Pixels) -> NDArray[np.uint8]:
    """(H, W) uint8, the small grey copy of (H, W, 3) RGB, its long side of SKETCH_PX."""
    grey = Image.fromarray(pixels).convert("L")
    share = SKETCH_PX / max(grey.size)
    size = (max(1, round(grey.width * share)), max(1, round(grey.height * share)))
    way = Image.Resampling.BOX if share < 1 else Image.Resampling.BICUBIC
    return np.asarray(grey.resize(size, way))


def marks(grey: NDArray[np.uint8]) -> Marks:
    """Those of a sketch; none of one that shows nothing."""
    image = Image.fromarray(grey)
    found: list[tuple[Floats, Floats, Floats]] = []
    for share in SCALES:
        size = round(image.width * share), round(image.height * share)
        if min(size) < PATCH * SPACING_PX:
            break
        level = np.asarray(image.resize(size, Image.Resampling.BOX), np.float32)
        across, down = image.width / size[0], image.height / size[1]
        most = max(LEAST_MARKS, round(MOST_MARKS * share * share))
        at = _corners(level, most)
        patches = _patches(blurred(level, 1), at)
        spread = patches.std(axis=(1, 2))
        at, patches, spread = (part[spread >= FLAT] for part in (at, patches, spread))
        centred = patches - patches.mean(axis=(1, 2), keepdims=True)
        unit = centred / (spread * PATCH)[:, None, None]
        place = (at + 0.5) * np.array([across, down], np.float32) - 0.5
        found.append((place, np.full(len(at), 1 / share, np.float32), unit))
    if not found:
        none = np.empty((0, PATCH, PATCH), np.float32)
        return Marks(np.empty((0, 2), np.float32), np.empty(0, np.float32), none)
    parts = zip(*found, strict=True)
    return Marks(*(np.concatenate(part).astype(np.float32) for part in parts))


def _corners(level: Floats, most: int) -> Floats:
    """(M, 2) x, y of the strongest corners (Harris and Stephens 1988), each alone in its cell."""
    down, across = slopes(blurred(level, 1))
    products = (blurred(one, 2) for one in (across * across, down * down, across * down))
    xx, yy, xy = products
    strength = (xx * yy - xy * xy) / (xx + yy + 1e-3)
    inside = strength[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX]
    if not inside.size:
        return np.empty((0, 2), np.float32)
    around = np.pad(inside, CELL_PX // 2, mode="constant")
    windows = np.lib.stride_tricks.sliding_window_view(around, CELL_PX, 0).max(axis=2)
    highest = np.lib.stride_tricks.sliding_window_view(windows, CELL_PX, 1).max(axis=2)
    y, x = np.nonzero((inside == highest) & (inside > 1.0))
    best = np.argsort(-inside[y, x], kind="stable")[:most]
    return np.stack([x[best], y[best]], axis=1).astype(np.float32) + EDGE_PX


def _patches(level: Floats, at: Floats) -> Floats:
    """(M, PATCH, PATCH) around each point."""
    steps = (np.arange(PATCH) - (PATCH - 1) / 2) * SPACING_PX
    x = at[:, 0, None, None] + steps[None, None, :]
    y = at[:, 1, None, None] + steps[None, :, None]
    return sampled(level, np.broadcast_to(x, (len(at), PATCH, PATCH)), y)


def sampled(image: Floats, x: NDArray[np.floating], y: NDArray[np.floating]) -> Floats:
    """An image between its pixels, bilinearly; beyond it, its margin."""
    height, width = image.shape
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = (
        np.minimum(x.astype(np.int64), width - 2),
        np.minimum(y.astype(np.int64), height - 2),
    )
    left, top = np.maximum(left, 0), np.maximum(top, 0)
    right, low = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    dx, dy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    upper = image[top, left] * (1 - dx) + image[top, right] * dx
    lower = image[low, left] * (1 - dx) + image[low, right] * dx
    found: Floats = upper * (1 - dy) + lower * dy
    return found


def slopes(image: Floats) -> tuple[Floats, Floats]:
    """How fast an image rises, downwards and across."""
    down, across = np.gradient(image)
    return np.asarray(down, np.float32), np.asarray(across, np.float32)


def blurred(image: Floats, times: int) -> Floats:
    """By (1, 2, 1) / 4 each way, some times over."""
    quarter = np.float32(0.25)
    for _ in range(times):
        tall: Floats = np.pad(image, ((1, 1), (0, 0)), "edge")
        image = (tall[:-2] + 2 * tall[1:-1] + tall[2:]) * quarter
        wide: Floats = np.pad(image, ((0, 0), (1, 1)), "edge")
        image = (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) * quarter
    return image


def sharpness(pixels: Pixels) -> float:
    """How sharp a picture is, in any unit: of two of one scene the higher is the sharper.

    pixels   (H, W, 3) uint8 RGB; compare those that were read for the same long side
    returns  the standard deviation of the Laplacian of its grey values (Pech-Pacheco et al. 2000,
             "Diatom autofocusing in brightfield microscopy")
    """
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)
    if min(grey.shape) < 3:
        return 0.0
    middle = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * middle).std())


def coloured(pixels: Pixels) -> bool:
    """Whether (H, W, 3) uint8 RGB has colours: a copy without them has the same three values in
    each pixel, or two apart by what JPEG rounds.
    """
    values = pixels.astype(np.int16)
    return bool((values.max(axis=2) - values.min(axis=2)).mean() > GREY)


def unframed(grey: NDArray[np.uint8]) -> float:
    """Share of a sketch that lies within its margins of one colour: a frame, a page, a bar."""
    height, width = grey.shape
    rows = np.flatnonzero(grey.std(axis=1) >= FLAT)
    if not len(rows):
        return 0.0
    inside = grey[rows[0] : rows[-1] + 1]
    columns = np.flatnonzero(inside.std(axis=0) >= FLAT)
    across = int(columns[-1] - columns[0] + 1) if len(columns) else 0
    return float(len(inside) * across / (height * width))
