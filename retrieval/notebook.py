"""What a notebook shows of faces and hits: small pictures with a few lines under each, in HTML."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 112
MARGIN = 0.25  # of the box, shown around a face
MOST = 60  # pictures; a notebook with more is slow


def counted(number: int, one: str) -> str:
    """`1 face`, `2 faces`."""
    return f"{number} {one}{'' if number == 1 else 's'}"


def page(title: str, cards: Iterable[str]) -> str:
    """Cards under a title; of many the first."""
    some = list(cards)
    more = f"<p><small>and {len(some) - MOST} more</small></p>" if len(some) > MOST else ""
    return f"<div><b>{html.escape(title)}</b><div>{''.join(some[:MOST])}</div>{more}</div>"


def card(jpeg: bytes | None, lines: Sequence[str]) -> str:
    """A picture, if there is one, and what is known of it."""
    data = "" if jpeg is None else base64.b64encode(jpeg).decode()
    picture = f'<img src="data:image/jpeg;base64,{data}" height="{SIDE_PX}"><br>' if data else ""
    text = "<br>".join(html.escape(line) for line in lines)
    style = f"display:inline-block;margin:4px;max-width:{2 * SIDE_PX}px;vertical-align:top"
    return f'<span style="{style}">{picture}<small>{text}</small></span>'


def cut_out(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> bytes:
    """A box of a photo with some margin, cut off where the photo ends, as a small JPEG.

    pixels  (H, W, 3) uint8 RGB
    box     (4,) x1, y1, x2, y2 in these pixels
    """
    from PIL import Image

    margin = MARGIN * max(box[2] - box[0], box[3] - box[1])
    height, width = pixels.shape[:2]
    left, right = (int(np.clip(x, 0, width - 1)) for x in (box[0] - margin, box[2] + margin))
    top, bottom = (int(np.clip(y, 0, height - 1)) for y in (box[1] - margin, box[3] + margin))
    image = Image.fromarray(np.ascontiguousarray(pixels[top : bottom + 1, left : right + 1]))
    image.thumbnail((SIDE_PX, SIDE_PX))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
