"""A photo at other scales, and squares of it at one size, for networks of fixed windows.

Two ways of averaging. Box: a pixel that lies under two output pixels is shared among
them. Area: it counts fully in both, as in torch's adaptive average pooling, which is
what facenet-pytorch shrinks with.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.types import Pixels

Level = Pixels | NDArray[np.float32]  # (h, w, 3) RGB, 0 to 255
Corners = NDArray[np.intp]  # (N, 2) x, y


class Sampler(Protocol):
    """One photo to be shrunk.

    size  (width, height)
    """

    @property
    def size(self) -> tuple[int, int]: ...

    def level(self, scale: float) -> Level:
        """The whole photo, (int(height * scale + 1), int(width * scale + 1), 3)."""
        ...

    def crops(self, low: Corners, high: Corners, size_px: int) -> Level:
        """(N, size_px, size_px, 3): rectangles stretched to squares.

        low, high  first and past-the-last pixel of each
        """
        ...


class BoxSampler:
    """By Pillow. A call for each crop is four times faster here than arrays for all of them,
    which have to sum up the whole photo first.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._halved = [Image.fromarray(pixels)]
        self.size = self._halved[0].size

    def level(self, scale: float) -> Level:
        source, _ = self._source(scale)
        size = _level_size(self.size, scale)
        if max(size) - max(source.size) in (0, 1):  # a power of two
            return np.asarray(source)
        return np.asarray(source.resize(size, Image.Resampling.BOX))

    def crops(self, low: Corners, high: Corners, size_px: int) -> Level:
        crops = np.empty((len(low), size_px, size_px, 3), np.uint8)
        boxes = np.concatenate([low, high], axis=1)
        sides = (high - low).max(axis=1)
        for i, (box, side) in enumerate(zip(boxes, sides, strict=True)):
            source, shrunk = self._source(size_px / side)
            limit = source.size * 2
            inside = [min(edge / shrunk, end) for edge, end in zip(box, limit, strict=True)]
            crop = source.resize((size_px, size_px), Image.Resampling.BOX, tuple(inside))
            crops[i] = np.asarray(crop)
        return crops

    def _source(self, scale: float) -> tuple[Image.Image, int]:
        """The photo halved as often as its scale allows, and how many pixels became one."""
        times = max(0, math.floor(-math.log2(scale)))
        while len(self._halved) <= times:
            self._halved.append(self._halved[-1].reduce(2))
        return self._halved[times], 2**times


class AreaSampler:
    """By summed areas (Crow 1984, "Summed-area tables for texture mapping"): any number of
    rectangles at once, exactly as torch averages them.
    """

    def __init__(self, pixels: Pixels) -> None:
        height, width = pixels.shape[:2]
        self.size = width, height
        # In large photos the sums wrap around; differences of them are right all the same.
        self._sums = np.zeros((height + 1, width + 1, 3), np.uint32)
        self._sums[1:, 1:] = pixels
        np.cumsum(self._sums, axis=0, out=self._sums)
        np.cumsum(self._sums, axis=1, out=self._sums)

    def level(self, scale: float) -> Level:
        low, high = np.zeros((1, 2), np.intp), np.array([self.size])
        level: Level = self._means(low, high, _level_size(self.size, scale))[0]
        return level

    def crops(self, low: Corners, high: Corners, size_px: int) -> Level:
        return self._means(low, high, (size_px, size_px))

    def _means(self, low: Corners, high: Corners, size: tuple[int, int]) -> NDArray[np.float32]:
        """(N, height, width, 3): each the mean of all pixels that it touches."""
        x0, x1 = (side[:, None, :] for side in _bins(low[:, 0], high[:, 0], size[0]))
        y0, y1 = (side[:, :, None] for side in _bins(low[:, 1], high[:, 1], size[1]))
        sums = self._sums
        total = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
        area = (x1 - x0) * (y1 - y0)
        return (total / area[..., None]).astype(np.float32)


def _level_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return int(size[0] * scale + 1), int(size[1] * scale + 1)


def _bins(
    low: NDArray[np.intp], high: NDArray[np.intp], n: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(N, n) first and past-the-last pixel of each of n bins between low and high (N,)."""
    length, i = (high - low)[:, None], np.arange(n)
    return low[:, None] + i * length // n, low[:, None] - (-(i + 1) * length // n)
