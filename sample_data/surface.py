"""Round bodies as stacks of ellipses, and what of them is seen under a yaw.

A head, a head of hair, a beard and a knitted hat are all such stacks: at every
height an ellipse with its own width and depth. Turned by a yaw, the point seen
at a pixel and its normal have closed forms, so no ray has to search for them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.sample_data.paint import Plane, edge

ROWS = 1500  # samples of a profile, finer than any pixel
Profile = NDArray[np.float32]  # (ROWS,)


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """One soft lamp: its direction on the screen (x right, y down, z to the viewer) and tint."""

    direction: tuple[float, float, float]
    tint: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a view shows of a stack: (h, w) planes, meaningful where `cover` is not 0.

    x, y, z  the point in the stack's own frame, z out of the face
    side     -1 at its left silhouette seen from the front, 0 in front, 1 at the right
    normal   three planes, on the screen: right, down, to the viewer
    """

    cover: Plane
    x: Plane
    y: Plane
    z: Plane
    side: Plane
    normal: tuple[Plane, Plane, Plane]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Ellipses from the height `top` down to `bottom`; each profile has ROWS samples."""

    top: float
    bottom: float
    width: Profile
    depth: Profile
    front: Profile

    @property
    def heights(self) -> Profile:
        """The height of every row."""
        return np.linspace(self.top, self.bottom, ROWS, dtype=np.float32)

    def width_at(self, y: float) -> float:
        """Half the width at one height, 0 beyond the ends."""
        return float(np.interp(y, self.heights, self.width, 0, 0))

    def project(self, x: float, y: float, yaw: float, lift: float = 0.0) -> float:
        """The screen's u of the surface point in front of (x, y), lifted towards +z."""
        width, depth, front = (
            float(np.interp(y, self.heights, p)) for p in (self.width, self.depth, self.front)
        )
        rest = max(1 - (x / max(width, 1e-3)) ** 2, 0)
        z = front - depth + depth * math.sqrt(rest) + lift
        return x * math.cos(yaw) + z * math.sin(yaw)

    def seen(self, u: Plane, v: Plane, yaw: float, px: float) -> Seen:
        """The surface behind every pixel of a view."""
        c, s = math.cos(yaw), math.sin(yaw)
        pitch = (self.bottom - self.top) / (ROWS - 1)
        width, depth = np.maximum(self.width, 1e-3), np.maximum(self.depth, 1e-3)
        centre = self.front - depth
        reach = np.sqrt(np.square(width * c) + np.square(depth * s))
        widening, deepening, leaning = (np.gradient(p, pitch) for p in (width, depth, centre))
        slope = np.gradient(reach, pitch)

        place = (v - self.top) * (1 / pitch)
        rows = np.clip(place, 0, ROWS - 1).astype(np.int32)
        tables = np.stack(
            [reach, centre * s, width * c / reach, depth * s / reach, width, depth, centre,
             slope, leaning * s, widening, deepening, leaning]
        ).astype(np.float32)  # fmt: skip
        (reach, middle, c_in, s_in, width, depth, centre, slope, drift, widening, deepening,
         leaning) = np.take(tables, rows, axis=1)  # fmt: skip

        across = (u - middle) / reach
        inside = np.clip(across, -1, 1)
        out = np.sqrt(1 - inside * inside)
        side = inside * c_in - out * s_in
        ahead = inside * s_in + out * c_in

        tilt = np.abs(across) * slope + np.sign(across) * drift
        margin = (1 - np.abs(across)) * reach / np.sqrt(1 + tilt * tilt)
        cover = edge(margin, px)
        # At its very ends a stack is a line of no width.
        cover[(place < 2) | (place > ROWS - 3)] = 0

        ratio = width / depth
        nx, nz = side, ahead * ratio
        ny = -(side * side * widening + ratio * ahead * (ahead * deepening + leaning))
        length = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-6)
        nx, ny, nz = nx * length, ny * length, nz * length
        return Seen(
            cover=cover,
            x=side * width,
            y=v,
            z=centre + ahead * depth,
            side=side,
            normal=(
                nx * np.float32(c) + nz * np.float32(s),
                ny,
                nz * np.float32(c) - nx * np.float32(s),
            ),
        )


def lit(normal: tuple[Plane, Plane, Plane], light: Light) -> Plane:
    """How much of the lamp a surface gets, 0 to 1, wrapped softly around its edge."""
    x, y, z = (np.float32(d) for d in light.direction)
    facing = normal[0] * x + normal[1] * y + normal[2] * z
    t = np.clip(facing * np.float32(0.62) + np.float32(0.38), 0, 1)
    share: Plane = t * t * (3 - 2 * t)
    return share
