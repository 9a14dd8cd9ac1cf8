"""A photo in any size → the square that the network takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.types import Pixels

SHARE = 0.8  # of the short side that the square shows: .844 of objects_dev right, .828 with .875
GREY = 127  # what the network's training padded with


def square(pixels: Pixels, side_px: int) -> NDArray[np.float32]:
    """The middle of a photo, shrunk or enlarged, on planes, with a row and a column of GREY.

    returns  (3, side_px + 1, side_px + 1) float32 RGB, 0 to 255
    """
    image = Image.fromarray(pixels)
    seen = min(image.size) * SHARE
    left, top = (image.width - seen) / 2, (image.height - seen) / 2
    small = image.resize(
        (side_px, side_px),
        Image.Resampling.BICUBIC,
        box=(left, top, left + seen, top + seen),
        reducing_gap=1.0,  # means of whole pixels first: half of the time, cosines of .995
    )
    planes = np.full((3, side_px + 1, side_px + 1), GREY, np.float32)
    planes[:, :side_px, :side_px] = np.asarray(small).transpose(2, 0, 1)
    return planes
