"""A decoded image of any mode → upright RGB in as many pixels as are wanted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from retrieve.types import Pixels

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

DEPTH, OPAQUE = 8, 255
DEEP = re.compile(";(16|32)[BLNSF]")  # of Pillow's names; BMP's ;16 is of a whole pixel
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {TURNS[value] for value in (5, 6, 7, 8)}


def rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16 bits scaled, transparency on white."""
    if image.mode == "RGB":
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image, np.float64)
        highest = float(np.nanmax(values, initial=0))
        # 16-bit grey has a fixed white; other integers and floats have what they hold.
        white = 65535.0 if image.mode.startswith("I;16") else max(highest, 1e-9)
        grey = np.nan_to_num(np.clip(values / white, 0, 1) * 255).round().astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white_sheet = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white_sheet, layer).convert("RGB")
    return image.convert("RGB")


def reduced(image: Image.Image, long_side_px: int | None) -> Pixels:
    """Averaged down to the long side that was asked for; never enlarged."""
    share = 1.0 if long_side_px is None else min(1.0, long_side_px / max(image.size))
    if share < 1:
        small = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        image = image.resize(small, Image.Resampling.BOX)
    return np.asarray(image)


def is_all_in_rgb(image: ImageFile) -> bool:
    """Whether rgb() keeps all that can be seen of a file's image, which is not decoded yet: it is
    its only picture, opaque, and of 8 bits a channel at most.
    """
    if getattr(image, "n_frames", 1) > 1 or image.info.get("bit_depth", 8) > DEPTH:
        return False
    forms = [image.mode, *(_form(tile[3]) for tile in image.tile)]
    if any(form.startswith(("I", "F")) or DEEP.search(form) for form in forms):
        return False
    if not image.has_transparency_data:
        return True
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return lowest == OPAQUE


def _form(arguments: object) -> str:
    """How samples lie in a file, as Pillow's decoders are told: "RGB;16B"."""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""
