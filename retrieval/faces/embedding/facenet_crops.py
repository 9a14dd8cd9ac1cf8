"""What FaceNet sees of a face: wider faces than there are, as in its training.

Sandberg's alignment made MTCNN's boxes, which are a third taller than wide, into squares. Here a
face is turned upright by its landmarks, as for every embedder, and then as much wider.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieve.types import Crops


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a crop that a network sees, all its rows, and brought to a square.

    left, right  columns where it begins and ends
    size_px      side of the square
    """

    left: int
    right: int
    size_px: int

    def seen(self, crops: Crops) -> Crops:
        """(N, H, W, 3) → (N, size_px, size_px, 3)."""
        from PIL import Image  # not for searches of words

        shown = np.empty((len(crops), self.size_px, self.size_px, 3), np.uint8)
        box = (self.left, 0, self.right, crops.shape[1])
        for i, crop in enumerate(crops):
            square = (self.size_px, self.size_px)
            shown[i] = np.asarray(
                Image.fromarray(crop).resize(square, Image.Resampling.BILINEAR, box)
            )
        return shown


CROP_PX = 184  # as high as such a box with its margin, where the network's 160 px are as wide
# Faces 1.2 times as wide: `python -m benchmarks.facenet_crops` measures it beside other widths.
WINDOW = Window(left=15, right=169, size_px=160)
# mtcnn: medians in the boxes of 1,490 news photos, made symmetric. centerface: medians of its
# landmarks on the same faces.
TEMPLATES = {
    "mtcnn": ((64.6, 74.7), (119.4, 74.7), (92.0, 106.0), (67.3, 132.5), (116.7, 132.5)),
    "centerface": ((64.8, 75.6), (118.8, 74.5), (91.5, 106.6), (68.5, 131.9), (114.0, 130.7)),
}
