"""Boxes as arrays: overlap, non-maximum suppression.

A box is x1, y1, x2, y2 in continuous coordinates: its width is x2 - x1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]  # (N, 4) x1, y1, x2, y2
Measure = Literal["union", "smaller"]

_BLOCK = 256  # boxes compared with each other at once: 256 kB a matrix


def area(boxes: Boxes) -> NDArray[np.float32]:
    """(N,) in square pixels."""
    size: NDArray[np.float32] = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return size


def overlap(a: Boxes, b: Boxes, *, over: Measure = "union") -> NDArray[np.float32]:
    """(N, M) common area of each pair, divided by that of their union or of the smaller box.

    a, b  (N, 4) and (M, 4)
    """
    width, height = (
        np.minimum.outer(a[:, i + 2], b[:, i + 2]) - np.maximum.outer(a[:, i], b[:, i])
        for i in (0, 1)
    )
    common = np.maximum(width, 0) * np.maximum(height, 0)
    area_a, area_b = area(a)[:, None], area(b)[None, :]
    whole = np.minimum(area_a, area_b) if over == "smaller" else area_a + area_b - common
    shares: NDArray[np.float32] = common / np.maximum(whole, np.finfo(np.float32).tiny)
    return shares


def nms(
    boxes: Boxes, scores: NDArray[np.float32], threshold: float, *, over: Measure = "union"
) -> NDArray[np.intp]:
    """The boxes that no better one overlaps by more than threshold, best first.

    boxes    (N, 4); scores (N,)
    returns  (K,) indices, descending in score

    Greedy non-maximum suppression, without a loop over boxes: within a block, which
    boxes survive is repeated until it no longer changes. That has one solution, the
    greedy one, because the best box of a block always survives.
    """
    order = np.argsort(-scores, kind="stable")
    kept = order[:0]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        if len(kept):
            block = block[~(overlap(boxes[kept], boxes[block], over=over) > threshold).any(axis=0)]
        beats = np.triu(overlap(boxes[block], boxes[block], over=over) > threshold, k=1)
        survives = np.ones(len(block), np.bool_)
        while True:
            again = np.logical_not(beats[survives].any(axis=0))
            if (again == survives).all():
                break
            survives = again
        kept = np.concatenate([kept, block[survives]])
    return kept
