"""A file → a Photo: recognised by its content, checked, decoded upright as RGB, hashed.

Pillow and pillow-heif decode. What this module adds is what strangers' files ask for:
an allow-list of formats, a limit before decoding, files that were cut short, and one
line of reason for everything that cannot be used.
"""

from __future__ import annotations

import hashlib
import math
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import (
    AvifImagePlugin,  # noqa: F401  these three register their formats, the others are built in
    ExifTags,
    Image,
    ImageFile,
    ImageOps,
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)
from pillow_heif import register_heif_opener

from retrieve.errors import BadInput, foreseen
from retrieve.types import Photo, Pixels

MAX_BYTES = 1 << 30  # of a file: it is read into memory once
# The largest camera phones make 200 megapixels; this many take 0.8 GB as RGB.
MAX_PIXELS = 256_000_000
# A photo cut short is used when this share of its rows is there: faces are rarely lower.
USED_FROM = 0.5

# MPO, two pictures in one file, opens as JPEG with its first one.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF")
_READABLE = "jpg jpeg jpe jfif mpo png apng webp tif tiff bmp dib gif heic heif hif avif avifs"
# Pictures in other formats are offered too, so that their owner is told about them.
_OTHERS = (
    "ico psd tga dds qoi ppm pgm pbm pnm jp2 j2k jxl xcf dng cr2 cr3 nef arw orf rw2 raf srw pef"
)
SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_READABLE} {_OTHERS}".split())

# What decoders raise for content that lies: Pillow's plugins let the errors of parsing
# through (struct, index, key, value), zlib and libheif have their own.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)

# Pillow's settings and Python's warning filters belong to the whole process.
_settings = threading.RLock()


class BadPhoto(BadInput):
    """A file that cannot be used as a photo; the message is the reason, without its path.

    reason  the same, also where the message was given the path
    """

    def __init__(self, reason: str, path: Path | None = None) -> None:
        super().__init__(reason if path is None else f"{path}: {reason}")
        self.reason = reason


@foreseen(BadPhoto)
def read(path: Path, *, long_side_px: int | None = 1024) -> Photo:
    """Decode one photo, upright, in no more pixels than asked for.

    long_side_px  of Photo.pixels at most; smaller photos stay as they are. A JPEG is
                  decoded at a half, a quarter or an eighth where that is enough (24
                  megapixels in a quarter of the time). None is full resolution
    raises        BadPhoto with the reason: not there, not a photo, too large, damaged

    Transparency is laid on white; of an animation the first picture is taken. Colour
    profiles are not applied: between those of cameras the difference is smaller than
    between two lamps. One photo is decoded at a time in a process, because Pillow's
    settings are global; use processes to decode several.
    """
    return decode(_bytes(path), long_side_px=long_side_px, path=path)


@foreseen(BadPhoto)
def decode(content: bytes, *, long_side_px: int | None = 1024, path: Path | None = None) -> Photo:
    """The same of a file's bytes that are in memory already.

    path    the file, None for bytes that come from elsewhere
    raises  BadPhoto as read()
    """
    if not content:
        raise BadPhoto("wanted the bytes of a photo; got none")
    with careful():
        image, taken_at, place, size, remarks = _decoded(content, long_side_px)
    return Photo(
        path=path,
        pixels=_reduced(image, long_side_px),
        size=size,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        taken_at=taken_at,
        place=place,
        warnings=tuple(remarks),
    )


@foreseen(BadPhoto)
def from_image(image: Image.Image, *, long_side_px: int | None = 1024) -> Photo:
    """A picture that somebody decoded already, turned upright by the EXIF data it still has.

    raises  BadPhoto if it has no pixels or too many
    """
    with careful():
        try:
            upright = _rgb(ImageOps.exif_transpose(image))
        except DAMAGE as error:
            raise BadPhoto(f"damaged: {error}") from error
    width, height = upright.size
    if min(upright.size) < 1:
        raise BadPhoto("it has no pixels")
    if width * height > MAX_PIXELS:
        raise BadPhoto(f"wanted up to {MAX_PIXELS // 10**6} million pixels; got {width} x {height}")
    content = upright.tobytes()
    return Photo(
        path=None,
        pixels=_reduced(upright, long_side_px),
        size=(height, width),
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )


@foreseen(BadPhoto)
def read_taken(path: Path) -> tuple[str | None, tuple[float, float] | None]:
    """When and where a photo was taken, as read() says it, without decoding it.

    raises  BadPhoto if the file cannot be used
    """
    content = _bytes(path)
    with careful():
        try:
            exif = _opened(content).getexif()
            return _taken_at(exif), _place(exif)
        except DAMAGE:
            return None, None


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes, hexadecimal: what identifies a photo.

    raises  BadPhoto if the file cannot be read
    """
    _check_file(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadPhoto(_cannot_read(error)) from error


def _bytes(path: Path) -> bytes:
    _check_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadPhoto(_cannot_read(error)) from error
    if not content:
        raise BadPhoto("the file is empty")
    return content


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise BadPhoto(_cannot_read(error)) from error
    if not stat.S_ISREG(status.st_mode):
        raise BadPhoto("not a regular file")  # reading a pipe or a device may never end
    if status.st_size > MAX_BYTES:
        raise BadPhoto(f"the file is larger than {MAX_BYTES >> 30} GiB ({status.st_size} bytes)")


def _cannot_read(error: OSError) -> str:
    return f"cannot be read: {(error.strerror or str(error)).lower()}"


@contextmanager
def careful() -> Iterator[None]:
    """Pillow neither warns on the terminal nor judges sizes: this module does."""
    with _settings, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _decoded(
    content: bytes, long_side_px: int | None
) -> tuple[Image.Image, str | None, tuple[float, float] | None, tuple[int, int], list[str]]:
    """The upright RGB image, when and where it was taken, (height, width), remarks."""
    image = _opened(content)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadPhoto(
            f"{width} x {height} pixels are more than the {MAX_PIXELS // 10**6} million allowed"
        )
    remarks: list[str] = []
    try:
        _draft(image, long_side_px)
        image.load()
    except MemoryError as error:
        raise BadPhoto(f"{width} x {height} pixels do not fit into memory") from error
    except DAMAGE as error:
        image, remark = _rescued(content, long_side_px, error)
        remarks.append(remark)
    try:
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        taken_at, place = _taken_at(exif), _place(exif)
    except DAMAGE:
        orientation, taken_at, place = 1, None, None
        remarks.append("its EXIF data are damaged; orientation, date and place are unknown")
    try:
        image = _rgb(image)
    except DAMAGE as error:
        raise BadPhoto(f"damaged: {error}") from error
    turn = _TURNS.get(orientation)
    if turn is not None:
        image = image.transpose(turn)
    if turn in _SIDEWAYS:
        width, height = height, width
    return image, taken_at, place, (height, width), remarks


def _opened(content: bytes) -> Image.Image:
    """The image with its header read, or why there is none."""
    register_heif_opener()
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise BadPhoto(
            "not a JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF file, or damaged at its start"
        ) from error
    except DAMAGE as error:
        raise BadPhoto(f"its header is damaged: {error}") from error
    if min(image.size) < 1:
        raise BadPhoto("it has no pixels")
    return image


def _draft(image: Image.Image, long_side_px: int | None) -> None:
    """Let libjpeg decode at a fraction whose long side is still no shorter than asked for."""
    if long_side_px is not None and isinstance(image, ImageFile.ImageFile):
        share = min(1.0, long_side_px / max(image.size))
        width, height = image.size
        image.draft(image.mode, (math.ceil(width * share), math.ceil(height * share)))


def _rescued(
    content: bytes, long_side_px: int | None, error: BaseException
) -> tuple[Image.Image, str]:
    """What can still be decoded of a damaged file, and a remark that says how much.

    raises  BadPhoto if less than USED_FROM of the rows are there
    """
    reason = str(error) or type(error).__name__
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        # With an end marker libjpeg fills up what is missing, of progressive files too.
        image = _opened(content + b"\xff\xd9" if content.startswith(b"\xff\xd8") else content)
        _draft(image, long_side_px)
        image.load()
        missing = _constant_rows(np.asarray(image.convert("RGB"))) / image.height
    except DAMAGE:
        raise BadPhoto(f"damaged: {reason}") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    if missing > 1 - USED_FROM:
        raise BadPhoto(f"cut short or damaged: about {missing:.0%} of it is missing")
    if missing < 0.005:
        return image, "cut short or damaged near its end; no missing part can be seen"
    return image, f"cut short or damaged: about the lower {missing:.0%} is missing"


def _constant_rows(pixels: Pixels) -> int:
    """How many rows at the bottom are of one colour: decoders fill with one."""
    same = (pixels == pixels[-1, -1]).all(axis=(1, 2))
    return int(len(same) if same.all() else np.argmin(same[::-1]))


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {_TURNS[value] for value in (5, 6, 7, 8)}


def _taken_at(exif: Image.Exif) -> str | None:
    details = exif.get_ifd(ExifTags.IFD.Exif)
    for value in (
        details.get(ExifTags.Base.DateTimeOriginal),
        details.get(ExifTags.Base.DateTimeDigitized),
        exif.get(ExifTags.Base.DateTime),
    ):
        date = _iso(value)
        if date is not None:
            return date
    return None


def _place(exif: Image.Exif) -> tuple[float, float] | None:
    """EXIF's degrees, minutes, seconds as degrees; None for what is no place on Earth."""
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    tags = ExifTags.GPS
    try:
        latitude = _degrees(gps[tags.GPSLatitude], gps[tags.GPSLatitudeRef], "NS")
        longitude = _degrees(gps[tags.GPSLongitude], gps[tags.GPSLongitudeRef], "EW")
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return None
    # Cameras without a fix write 0, 0, which is a place in the sea.
    known = abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude, longitude) != (0, 0)
    return (latitude, longitude) if known else None


def _degrees(parts: Any, reference: str, letters: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    sign = (1, -1)[letters.index(str(reference).strip("\0 ")[0].upper())]
    return sign * (degrees + minutes / 60 + seconds / 3600)


def _iso(value: Any) -> str | None:
    """EXIF's 2019:07:21 18:03:00 as ISO 8601; None for what is no date."""
    try:
        return datetime.strptime(str(value).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return None


def _rgb(image: Image.Image) -> Image.Image:
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


def _reduced(image: Image.Image, long_side_px: int | None) -> Pixels:
    """Averaged down to the long side that was asked for; never enlarged."""
    share = 1.0 if long_side_px is None else min(1.0, long_side_px / max(image.size))
    if share < 1:
        small = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        image = image.resize(small, Image.Resampling.BOX)
    return np.asarray(image)
