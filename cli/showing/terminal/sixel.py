"""A picture as Sixel, the graphics of DEC's terminals that xterm, foot, mlterm and others draw.

Source: DEC 1987, "VT330/VT340 Programmer Reference Manual", volume 2, chapter 14
"""

from __future__ import annotations

import re

import numpy as np
from PIL import Image

COLOURS = 256  # registers of a VT340's successors; fewer show bands on skin
BAND = 6  # rows of pixels in one character
_ZERO = 63  # the character of six pixels that are left alone
_RUN = re.compile(rb"(.)\1{3,}")  # of less than four the count is no shorter
_END = "\x1b\\"


def sixel(picture: Image.Image) -> str:
    """The escape sequence that draws an RGB picture with its upper left corner at the cursor."""
    few = picture.quantize(COLOURS)
    index = np.asarray(few)  # (H, W)
    height, width = index.shape
    palette = np.array(few.getpalette(), np.float64).reshape(-1, 3)
    used = np.unique(index)
    parts = [f'\x1bP0;1;0q"1;1;{width};{height}']
    for colour in used.tolist():
        red, green, blue = np.rint(palette[colour] * 100 / 255).astype(int)
        parts.append(f"#{colour};2;{red};{green};{blue}")
    columns = np.arange(width)
    for top in range(0, height, BAND):
        rows = index[top : top + BAND]
        bits = np.zeros((COLOURS, width), np.uint8)
        for place, row in enumerate(rows):
            bits[row, columns] |= 1 << place
        lines = [
            f"#{colour}" + _counted((bits[colour] + _ZERO).tobytes().rstrip(b"?"))
            for colour in np.unique(rows).tolist()
        ]
        parts += ["$".join(lines), "-"]
    return "".join(parts[:-1]) + _END


def _counted(line: bytes) -> str:
    """Runs of one character as !COUNT and the character."""
    short = _RUN.sub(lambda run: b"!%d%c" % (len(run[0]), run[1][0]), line)
    return short.decode("ascii")
