"""A small picture out of coloured characters: each upper half block shows two pixels."""

from __future__ import annotations

import io

from rich.text import Text

COLUMNS, ROWS = 14, 7  # characters, which are about twice as high as wide


def half_blocks(jpeg: bytes) -> Text:
    """A JPEG as ROWS lines of COLUMNS characters."""
    import numpy as np
    from PIL import Image

    picture = Image.open(io.BytesIO(jpeg), formats=["JPEG"]).convert("RGB")
    small = picture.resize((COLUMNS, 2 * ROWS), Image.Resampling.BOX)
    colours = ["#{:02x}{:02x}{:02x}".format(*pixel) for pixel in np.asarray(small).reshape(-1, 3)]
    text = Text()
    for row in range(ROWS):
        upper = colours[2 * row * COLUMNS :][:COLUMNS]
        lower = colours[(2 * row + 1) * COLUMNS :][:COLUMNS]
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", f"{above} on {below}")
        text.append("\n")
    return text
