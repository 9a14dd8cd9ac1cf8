"""Lines of text that stand anywhere and at any angle → reading order.

Most lines of a photo run in one direction: the photo is thought turned so that they run to the
right, and read as a page is, column after column (retrieve.documents.formats.pdf.layout). Lines of
other quarters, as on the back of a book, come behind, in an order of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieve.documents.formats.pdf.layout import Piece, arranged

QUARTER = math.pi / 2
Corners = NDArray[np.float32]  # (4, 2) x, y: the upper left as it is read, then clockwise


def reading_order(lines: Sequence[tuple[Corners, str]]) -> list[list[int]]:
    """Places of the lines, row by row, each row in the order in which it is read."""
    angles = [_angle(corners) for corners, _ in lines]
    quarters = [round(angle / QUARTER) % 4 for angle in angles]
    letters = [0] * 4
    for quarter, (_, text) in zip(quarters, lines, strict=True):
        letters[quarter] += len(text)
    rows: list[list[int]] = []
    for quarter in sorted(range(4), key=lambda one: -letters[one]):
        which = [at for at, one in enumerate(quarters) if one == quarter]
        if which:
            turn = _usual([angles[at] for at in which], [len(lines[at][1]) for at in which])
            rows += _rows(lines, which, turn)
    return rows


def _rows(
    lines: Sequence[tuple[Corners, str]], which: Sequence[int], turn: float
) -> list[list[int]]:
    """Of lines that run at one angle."""
    across = np.array([math.cos(turn), math.sin(turn)], np.float32)
    down = np.array([-math.sin(turn), math.cos(turn)], np.float32)
    pieces = []
    for at in which:
        corners, text = lines[at]
        x, y = corners @ across, corners @ down
        # The middles of the sides: a line that is tilted a little more is not higher for that.
        left, right = float(x[[0, 3]].mean()), float(x[[1, 2]].mean())
        top, bottom = float(y[[0, 1]].mean()), float(y[[2, 3]].mean())
        pieces.append(Piece(text, left, -bottom, right, -top, at))
    return [[piece.order for piece in row] for rows in arranged(pieces) for row in rows]


def _angle(corners: Corners) -> float:
    """In which a line runs, in radians clockwise from rightward."""
    way = corners[1] - corners[0] + corners[2] - corners[3]
    return math.atan2(float(way[1]), float(way[0]))


def _usual(angles: Sequence[float], weights: Sequence[int]) -> float:
    """The mean of angles that are near each other."""
    x = sum(weight * math.cos(angle) for angle, weight in zip(angles, weights, strict=True))
    y = sum(weight * math.sin(angle) for angle, weight in zip(angles, weights, strict=True))
    return math.atan2(y, x)
