"""Large and long photos in overlapping tiles, each face told once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.faces.detection.boxes import nms, overlap
from retrieve.types import Face

# A tile sees this much around the part that it answers for: a face of twice that is whole in
# the tile that holds its middle.
MARGIN_PX = 48
LARGEST_PX = 2 * MARGIN_PX  # shorter side of a face that is taken from a tile
_SLACK_PX = 4  # a face's middle moves by so much from one tile to the next
SAME = 0.3  # intersection over union
INSIDE = 0.5  # of the smaller box: a part of a face is not another face


@dataclass(frozen=True, slots=True)
class Tile:
    """Left, top, right, bottom of what a tile answers for, and of what it sees."""

    core: tuple[int, int, int, int]
    seen: tuple[int, int, int, int]

    def holds(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(K,) whether points (K, 2) are the tile's, give or take some pixels."""
        low = np.array(self.core[:2]) - _SLACK_PX
        high = np.array(self.core[2:]) + _SLACK_PX
        return np.asarray(((points >= low) & (points <= high)).all(axis=1))


def tiles(size: tuple[int, int], side_px: int) -> Iterator[Tile]:
    """Tiles of equal cores, side_px long at most with what they see around.

    size  (height, width)
    """
    height, width = size
    rows, columns = (_edges(side, side_px - LARGEST_PX) for side in size)
    for top, bottom in rows:
        for left, right in columns:
            seen = (
                max(0, left - MARGIN_PX),
                max(0, top - MARGIN_PX),
                min(width, right + MARGIN_PX),
                min(height, bottom + MARGIN_PX),
            )
            yield Tile((left, top, right, bottom), seen)


def _edges(length: int, most: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, length, math.ceil(length / most) + 1).round().astype(int).tolist()
    return list(itertools.pairwise(edges))


def middles(faces: Sequence[Face]) -> NDArray[np.float32]:
    """(N, 2) x, y of the boxes' middles."""
    boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 2, 2)
    middle: NDArray[np.float32] = boxes.mean(axis=1)
    return middle


def shorter_side(face: Face) -> float:
    """In pixels."""
    return float((face.box[2:] - face.box[:2]).min())


def merged(whole: Sequence[Face], tiled: Sequence[Face], largest_px: float) -> list[Face]:
    """Faces of the whole photo and of its tiles, one of each, largest first.

    largest_px  shorter side up to which a face may come from a tile, and is told better there
    """
    large = [face for face in whole if shorter_side(face) > largest_px]
    small = [face for face in whole if shorter_side(face) <= largest_px]
    if large and tiled:
        inside = overlap(_boxes(tiled), _boxes(large), over="smaller").max(axis=1) > INSIDE
        tiled = [face for face, part in zip(tiled, inside, strict=True) if not part]
    faces = [*tiled, *small]
    ranked = np.array([face.score for face in faces], np.float32)
    ranked[: len(tiled)] += 1
    kept = [*large, *(faces[i] for i in nms(_boxes(faces), ranked, SAME))]
    return sorted(kept, key=lambda face: -float((face.box[2:] - face.box[:2]).prod()))


def _boxes(faces: Sequence[Face]) -> NDArray[np.float32]:
    return np.array([face.box for face in faces], np.float32).reshape(-1, 4)
