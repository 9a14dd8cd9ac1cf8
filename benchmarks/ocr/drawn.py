"""Photos with words in them, made by code: what is written is known to the letter.

A board, a strip of paper, a screen or a page is drawn, laid on a ground that is no plain colour,
and damaged: turned, small, dim, noisy, pressed hard as JPEG. Nothing of anybody else's is in it
but the typefaces: DejaVu and STIX, which come with matplotlib; of the handwritten ones, see
`hands`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from benchmarks.ocr.texts import NOTES, PAGES, RECEIPTS, SIGNS, SLIDES

PHOTO = (1600, 1200)  # of every photo, before what is done to it
Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, slots=True)
class Made:
    """A photo as a JPEG, and what is written in it.

    what    sign, receipt, slide, page or note
    damage  what was done to it: none, tilted, turned 90, …
    """

    what: str
    damage: str
    jpeg: bytes
    lines: tuple[str, ...]


def photos() -> Iterator[Made]:
    """All of them, the same ones every time."""
    for what, draw, texts in (
        ("sign", _sign, SIGNS),
        ("receipt", _receipt, RECEIPTS * 2),
        ("slide", _slide, SLIDES * 2),
        ("page", _page, PAGES * 2),
    ):
        for number, lines in enumerate(texts):
            random = np.random.default_rng([len(what), number])
            names = list(DAMAGES)
            name = names[(number + len(what)) % len(names)]
            photo = DAMAGES[name](_on_ground(draw(lines, random), random), random)
            yield Made(what, name, _jpeg(photo, 10 if name == "pressed" else 88), lines)


def notes() -> Iterator[Made]:
    """Notes in typefaces that look written by hand, as far as there are such."""
    for name, font in hands().items():
        for number, lines in enumerate(NOTES):
            random = np.random.default_rng([77, number])
            sheet = _sheet(lines, ImageFont.truetype(str(font), 64), random, paper=(252, 250, 235))
            yield Made("note", name, _jpeg(_on_ground(sheet, random), 88), lines)


def hands() -> dict[str, Path]:
    """Typefaces that look written by hand, of packages that are installed; perhaps none."""
    found = {}
    for module, attribute in (("font_amatic_sc", "AmaticSC"), ("font_intuitive", "Intuitive")):
        try:
            package = __import__(module)
        except ImportError:
            continue
        found[attribute] = Path(getattr(package, attribute))
    return found


@cache
def _typeface(name: str, size_px: int) -> Font:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"{name}.ttf"), size_px)


def _sign(lines: Sequence[str], random: np.random.Generator) -> Image.Image:
    ground, ink = (
        ((20, 70, 140), (250, 250, 250)),
        ((245, 245, 240), (150, 20, 25)),
        ((30, 90, 50), (250, 240, 200)),
        ((240, 200, 40), (20, 20, 20)),
    )[int(random.integers(4))]
    board = Image.new("RGB", (1000, 130 + 120 * len(lines)), ground)
    draw = ImageDraw.Draw(board)
    draw.rectangle((12, 12, board.width - 13, board.height - 13), outline=ink, width=6)
    at = 60
    for number, line in enumerate(lines):
        face = "DejaVuSans-Bold" if number == 0 else "DejaVuSans"
        font = _fitting(line, face, 96 if number == 0 else 58, 900)
        draw.text((board.width / 2, at), line, font=font, fill=ink, anchor="ma")
        at += 130 if number == 0 else 100
    return board


def _receipt(lines: Sequence[str], random: np.random.Generator) -> Image.Image:
    return _sheet(lines, _typeface("DejaVuSansMono", 30), random, paper=(250, 249, 245))


def _slide(lines: Sequence[str], random: np.random.Generator) -> Image.Image:
    screen = Image.new("RGB", (1280, 720), (248, 249, 252))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 1280, 130), fill=(35, 60, 110))
    draw.text((60, 30), lines[0], font=_typeface("DejaVuSans-Bold", 56), fill=(255, 255, 255))
    for number, line in enumerate(lines[1:]):
        top = 190 + 105 * number
        draw.ellipse((70, top + 14, 86, top + 30), fill=(200, 80, 30))
        font = _fitting(line, "DejaVuSans", 40, 1100)
        draw.text((110, top), line, font=font, fill=(30, 30, 40))
    return screen


def _page(lines: Sequence[str], random: np.random.Generator) -> Image.Image:
    return page(lines)


def page(lines: Sequence[str], width_px: int = 1000, height_px: int = 1000) -> Image.Image:
    """A page of a book, as a scanner sees it: dark on nearly white."""
    sheet = Image.new("RGB", (width_px, height_px), (250, 248, 242))
    draw = ImageDraw.Draw(sheet)
    draw.text(
        (width_px / 2, 70), lines[0], font=_typeface("DejaVuSerif-Bold", 36), fill=(25, 25, 25),
        anchor="ma",
    )  # fmt: skip
    for number, line in enumerate(lines[1:]):
        at = (80, 170 + 60 * number)
        draw.text(at, line, font=_typeface("DejaVuSerif", 27), fill=(25, 25, 25))
    return sheet


def _sheet(
    lines: Sequence[str], font: Font, random: np.random.Generator, paper: tuple[int, int, int]
) -> Image.Image:
    step = round(font.size * 1.6)
    width = max(round(font.getlength(line)) for line in lines) + 120
    sheet = Image.new("RGB", (width, step * len(lines) + 120), paper)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((60, 60 + step * number), line, font=font, fill=(40, 40, 55))
    return sheet


def _fitting(line: str, face: str, size_px: int, width_px: int) -> Font:
    font = _typeface(face, size_px)
    return _typeface(face, min(size_px, int(size_px * width_px / font.getlength(line))))


def _on_ground(sheet: Image.Image, random: np.random.Generator) -> Image.Image:
    """A sheet on a photo's ground: light that falls off, grain, blots of other colours."""
    width, height = PHOTO
    low = random.integers(60, 190, (4, 5, 3)).astype(np.uint8)
    ground = Image.fromarray(low).resize(PHOTO, Image.Resampling.BICUBIC)
    most = min((width - 160) / sheet.width, (height - 160) / sheet.height)
    if most < 1:
        size = (round(sheet.width * most), round(sheet.height * most))
        sheet = sheet.resize(size, Image.Resampling.LANCZOS)
    left = int(random.integers(60, width - sheet.width - 59))
    top = int(random.integers(60, height - sheet.height - 59))
    ground.paste(sheet, (left, top))
    light = np.linspace(1.0, random.uniform(0.75, 0.95), width)[None, :, None]
    grained = np.asarray(ground) * light + random.normal(0, 3, (height, width, 1))
    return Image.fromarray(np.clip(grained, 0, 255).astype(np.uint8))


def _tilted(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    degrees = float(random.choice([-18, -9, 6, 14]))
    return photo.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(90, 90, 90))


def _small(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    return photo.resize((photo.width * 3 // 10, photo.height * 3 // 10), Image.Resampling.LANCZOS)


def _far(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    """In a corner of a photo of the same size: what is written is 9 to 30 pixels high."""
    size = (photo.width * 35 // 100, photo.height * 35 // 100)
    ground = photo.resize((8, 6)).resize(photo.size, Image.Resampling.BICUBIC)
    ground.paste(photo.resize(size, Image.Resampling.LANCZOS), (photo.width // 2, 90))
    return ground


def _dim(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    dark = np.asarray(ImageEnhance.Brightness(photo).enhance(0.08), np.float32)
    return Image.fromarray(np.clip(dark + random.normal(0, 4, dark.shape), 0, 255).astype(np.uint8))


def _noisy(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    noise = random.normal(0, 60, (photo.height, photo.width, 3))
    return Image.fromarray(np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8))


def _blurred(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(3.5))


Damage = Callable[[Image.Image, np.random.Generator], Image.Image]
DAMAGES: dict[str, Damage] = {
    "none": lambda photo, random: photo,
    "tilted": _tilted,
    "turned 90": lambda photo, random: photo.transpose(Image.Transpose.ROTATE_90),
    "small": _small,
    "far": _far,
    "dim": _dim,
    "turned 180": lambda photo, random: photo.transpose(Image.Transpose.ROTATE_180),
    "noisy": _noisy,
    "pressed": lambda photo, random: photo,
    "blurred": _blurred,
    "turned 270": lambda photo, random: photo.transpose(Image.Transpose.ROTATE_270),
}


def _jpeg(photo: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
