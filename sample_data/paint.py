"""Soft masks, noise and the sheet they are painted on.

Everything is drawn at one sample a pixel: a mask is a signed distance brought
to pixels and clipped, which is what anti-aliases the edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]  # (h, w), one value a pixel
Colour = NDArray[np.float32]  # (3,) RGB, 0 to 1
Sheet = NDArray[np.float32]  # (h, w, 3) RGB, 0 to 1, painted in place
Window = tuple[slice, slice]

_TABLE = 512  # noise samples before it repeats, a power of two


def rgb(code: str) -> Colour:
    """The colour of a hexadecimal code such as 'c68863'."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)], np.float32)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two: `first` at share 0, `second` at 1."""
    return (first + (second - first) * np.float32(share)).astype(np.float32)


def step(x: Plane, low: float, high: float) -> Plane:
    """0 below `low`, 1 above `high`, smooth between; `low` may be the larger one."""
    t = np.clip((x - low) * (1 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)


def bell(x: Plane, width: float) -> Plane:
    """Gaussian of `x`, 1 at 0 and .37 at `width`."""
    return np.exp(-np.square(x * (1 / width)))


def blob(x: Plane, y: Plane, width: float, height: float) -> Plane:
    """Two-dimensional Gaussian around the origin of `x`, `y`."""
    return np.exp(-np.square(x * (1 / width)) - np.square(y * (1 / height)))


def edge(distance: Plane, px: float) -> Plane:
    """Coverage of a shape whose signed distance (positive inside) is in units of `px` a pixel."""
    return np.clip(distance * (1 / px) + 0.5, 0, 1)


def ellipse(x: Plane, y: Plane, rx: float, ry: float) -> Plane:
    """Signed distance, near its edge, to an ellipse around the origin; positive inside."""
    radius = np.sqrt(np.square(x * (1 / rx)) + np.square(y * (1 / ry)))
    return (1 - radius) * min(rx, ry)


def box(x: Plane, y: Plane, rx: float, ry: float, corner: float) -> Plane:
    """Signed distance to a rectangle with round corners around the origin; positive inside."""
    dx = np.abs(x) - (rx - corner)
    dy = np.abs(y) - (ry - corner)
    outside = np.sqrt(np.square(np.maximum(dx, 0)) + np.square(np.maximum(dy, 0)))
    return corner - outside - np.minimum(np.maximum(dx, dy), 0)


def level(distance: Plane, px: float) -> Plane:
    """Coverage where `distance` is positive, whatever its slope: it is measured on the grid."""
    if min(distance.shape) < 2:
        return (distance > 0).astype(np.float32)
    down, right = np.gradient(distance)
    slope = np.sqrt(np.square(down) + np.square(right)) + np.float32(0.05 * px)
    covered: Plane = np.clip(distance / slope + 0.5, 0, 1)
    return covered


def ripple(x: Plane, seed: int) -> Plane:
    """Smooth noise along one axis, about -1 to 1, one wave per unit or two of `x`."""
    table = np.random.default_rng(seed).uniform(-1, 1, _TABLE).astype(np.float32)
    whole = np.floor(x)
    part = x - whole
    i = whole.astype(np.int32) & (_TABLE - 1)
    here, after = table[i], np.roll(table, -1)[i]
    smooth: Plane = here + (after - here) * (part * part * (3 - 2 * part))
    return smooth


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a person stands in the sheet.

    Units are half a face's width, with the point between the eyes as origin and
    y down; `x`, `y` are that point in pixels, `scale` the pixels in one unit,
    `roll` the tilt in radians.
    """

    x: float
    y: float
    scale: float
    roll: float = 0.0

    def to_pixels(self, u: float, v: float) -> tuple[float, float]:
        """The pixel at which the point (u, v) lies."""
        c, s = math.cos(self.roll), math.sin(self.roll)
        return self.x + (u * c - v * s) * self.scale, self.y + (u * s + v * c) * self.scale

    def window(
        self, shape: tuple[int, ...], u: tuple[float, float], v: tuple[float, float]
    ) -> Window:
        """The pixels that hold a rectangle of units, clipped to the sheet."""
        corners = [self.to_pixels(a, b) for a in u for b in v]
        xs, ys = [p[0] for p in corners], [p[1] for p in corners]
        return (
            slice(
                min(max(math.floor(min(ys)), 0), shape[0]),
                max(min(math.ceil(max(ys)) + 1, shape[0]), 0),
            ),
            slice(
                min(max(math.floor(min(xs)), 0), shape[1]),
                max(min(math.ceil(max(xs)) + 1, shape[1]), 0),
            ),
        )


class View:
    """A window of the sheet with the units of one frame laid over it."""

    def __init__(self, sheet: Sheet, frame: Frame, window: Window) -> None:
        self.sheet, self.frame, self.window = sheet, frame, window
        self.target = sheet[window]
        self.px = 1 / frame.scale
        down = (np.arange(window[0].start, window[0].stop, dtype=np.float32) - frame.y) * self.px
        right = (np.arange(window[1].start, window[1].stop, dtype=np.float32) - frame.x) * self.px
        c, s = np.float32(math.cos(frame.roll)), np.float32(math.sin(frame.roll))
        self.u: Plane = right[None, :] * c + down[:, None] * s
        self.v: Plane = down[:, None] * c - right[None, :] * s

    def inner(self, u: tuple[float, float], v: tuple[float, float]) -> Window:
        """The part of this view that holds a rectangle of units, in the view's own pixels."""
        rows, columns = self.frame.window(self.sheet.shape, u, v)
        top, left = self.window[0].start, self.window[1].start
        height, width = self.u.shape
        return (
            slice(min(max(rows.start - top, 0), height), min(max(rows.stop - top, 0), height)),
            slice(
                min(max(columns.start - left, 0), width), min(max(columns.stop - left, 0), width)
            ),
        )


def paint(target: Sheet, mask: Plane, colour: Colour | Sheet) -> None:
    """Lay a colour, or a sheet of colours, over `target` where the mask is."""
    for channel in range(3):  # numpy's inner loop over the last axis would take three steps
        layer = target[..., channel]
        layer += mask * (colour[..., channel] - layer)
