"""What people do to pictures: each takes one and gives it changed."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Change = Callable[[Image.Image], Image.Image]


def compressed(image: Image.Image, long_side_px: int, quality: int) -> Image.Image:
    """Shrunk and saved as JPEG."""
    small = image.copy()
    small.thumbnail((long_side_px, long_side_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def cropped(image: Image.Image, share: float, left: float, top: float) -> Image.Image:
    """A part of each side; left and top are shares of what is cut off."""
    width, height = round(image.width * share), round(image.height * share)
    x, y = round((image.width - width) * left), round((image.height - height) * top)
    return image.crop((x, y, x + width, y + height))


def turned(image: Image.Image) -> Image.Image:
    """By five degrees, the corners black, as a scan lies askew."""
    return image.rotate(5, Image.Resampling.BICUBIC)


def on_white(image: Image.Image) -> Image.Image:
    """Small on a white page, as a screenshot has it."""
    page = Image.new("RGB", (image.width * 2, image.height * 2), "white")
    page.paste(image.resize((round(image.width * 1.2), round(image.height * 1.2))), (20, 60))
    return page


def with_words(image: Image.Image) -> Image.Image:
    """Two lines of large letters over it, and a bar below."""
    changed = image.copy()
    draw = ImageDraw.Draw(changed)
    size = image.height // 8
    font = ImageFont.load_default(size)
    draw.text((10, 5), "CUANDO LLEGA", "white", font, stroke_width=2, stroke_fill="black")
    draw.text((10, 5 + size), "EL LUNES", "white", font, stroke_width=2, stroke_fill="black")
    draw.rectangle((0, image.height - size, image.width, image.height), "black")
    return changed


def filtered(image: Image.Image) -> Image.Image:
    """Faded and warm, with less colour, as apps do."""
    faded = ImageEnhance.Contrast(ImageEnhance.Color(image).enhance(0.6)).enhance(0.8)
    red, green, blue = faded.split()
    return Image.merge(
        "RGB",
        (red.point(lambda v: min(255, int(v * 1.1 + 10))), green, blue.point(lambda v: v * 0.8)),
    )


def framed(image: Image.Image) -> Image.Image:
    """Blurred a little, in a wide frame."""
    return ImageOps.expand(image.filter(ImageFilter.GaussianBlur(1.2)), image.width // 8, "#222222")


CHANGES: dict[str, Change] = {
    "320 px, JPEG 60": lambda image: compressed(image, 320, 60),
    "middle 80 %": lambda image: cropped(image, 0.8, 0.5, 0.5),
    "corner, 60 % of each side": lambda image: cropped(image, 0.6, 0, 0),
    "1.5 times brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.5),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "mirrored": ImageOps.mirror,
    "turned by 5 degrees": turned,
    "small on white": on_white,
    "160 px, JPEG 20": lambda image: compressed(image, 160, 20),
    "words over it": with_words,
    "faded and warm": filtered,
    "blurred, framed": framed,
}
