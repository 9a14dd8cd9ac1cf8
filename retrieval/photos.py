"""A file → a Photo: recognised by its content, checked, decoded upright as RGB, hashed.

Pillow and pillow-heif decode. What this module adds is what strangers' files ask for:
an allow-list of formats, limits before decoding, files that were cut short, and one
line of reason for everything that cannot be used. Files are read as far as their pictures
need, never whole (pictures/).
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

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
from retrieve.metadata.exif import read_exif
from retrieve.metadata.said import Said
from retrieve.pictures import boxes, raw
from retrieve.pictures.pieces import File, Part, opened, size_of
from retrieve.pictures.pixels import SIDEWAYS, TURNS, is_all_in_rgb, reduced, rgb
from retrieve.pictures.promises import (
    decoded_size,
    most_pixels,
    refusal,
    takes_memory,
    too_large,
)
from retrieve.types import Photo, Pixels

MAX_BYTES = 1 << 30  # of a file
# The largest camera phones make 200 megapixels; this many take 0.8 GB as RGB.
MAX_PIXELS = 256_000_000
# A photo cut short is used when this share of its rows is there: faces are rarely lower.
USED_FROM = 0.5
THUMBNAIL_PX = 1024  # in a raw file: faces are small in a picture of a shorter long side

# MPO, two pictures in one file, opens as JPEG with its first one.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF")
_READABLE = "jpg jpeg jpe jfif mpo png apng webp tif tiff bmp dib gif heic heif hif avif avifs"
_RAW = "dng cr2 cr3 nef nrw arw sr2 orf rw2 raf srw pef 3fr erf kdc"
# Pictures in other formats are offered too, so that their owner is told about them.
_OTHERS = "ico psd tga dds qoi ppm pgm pbm pnm jp2 j2k jxl xcf"
SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_READABLE} {_RAW} {_OTHERS}".split())
RAW_SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_RAW} cr3".split())

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
    Image.DecompressionBombError,
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

    Transparency is laid on white; of an animation the first picture is taken, of a camera's
    raw file the largest inside that can be decoded. Colour profiles are not applied: between
    those of cameras the difference is smaller than between two lamps. One photo is decoded
    at a time in a process, because Pillow's settings are global; use processes to decode
    several.
    """
    with open_file(path) as file:
        before = _looks(file)
        photo = _photo(file, long_side_px, path)
        if _looks(file) != before:
            raise BadPhoto("it was written to while it was read")
        return photo


@foreseen(BadPhoto)
def decode(content: bytes, *, long_side_px: int | None = 1024, path: Path | None = None) -> Photo:
    """The same of a file's bytes that are in memory already.

    path    the file, None for bytes that come from elsewhere
    raises  BadPhoto as read()
    """
    if not content:
        raise BadPhoto("wanted the bytes of a photo; got none")
    return _photo(BytesIO(content), long_side_px, path)


def _photo(file: File, long_side_px: int | None, path: Path | None) -> Photo:
    with careful():
        found = _decoded(file, long_side_px)
    file.seek(0)
    return Photo(
        path=path,
        pixels=reduced(found.image, long_side_px),
        size=found.size,
        sha256=hashlib.file_digest(file, "sha256").hexdigest(),
        size_bytes=size_of(file),
        taken_at=found.said.taken_at,
        place=found.said.taken_in,
        warnings=tuple(found.remarks),
    )


@foreseen(BadPhoto)
def from_image(image: Image.Image, *, long_side_px: int | None = 1024) -> Photo:
    """A picture that somebody decoded already, turned upright by the EXIF data it still has.

    raises  BadPhoto if it has no pixels or too many
    """
    with careful():
        try:
            upright = rgb(ImageOps.exif_transpose(image))
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
        pixels=reduced(upright, long_side_px),
        size=(height, width),
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes, hexadecimal: what identifies a photo.

    raises  BadPhoto if the file cannot be read
    """
    with open_file(path, empty=True) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@foreseen(BadPhoto)
def is_all_in_pixels(path: Path) -> bool:
    """Whether Photo.pixels in full resolution hold all that can be seen of a file: not of an
    animation, a raw file, one with transparent parts or more than 8 bits a channel.

    raises  BadPhoto as read()
    """
    with open_file(path) as file, careful():
        if raw.look(file) is not None:
            return False
        try:
            return is_all_in_rgb(open_image(file))
        except DAMAGE as error:
            raise BadPhoto(f"damaged: {error}") from error


@contextmanager
def open_file(path: Path, *, empty: bool = False) -> Iterator[File]:
    """A regular file, open for reading; waits for no pipe.

    empty   whether a file without a byte will do
    raises  BadPhoto if it cannot be read, also while it is
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BadPhoto("not a regular file")  # reading a pipe or a device may never end
            if status.st_size > MAX_BYTES:
                raise BadPhoto(
                    f"the file is larger than {MAX_BYTES >> 30} GiB ({status.st_size} bytes)"
                )
            if not status.st_size and not empty:
                raise BadPhoto("the file is empty")
            yield file
    except IsADirectoryError as error:
        raise BadPhoto("not a regular file") from error
    except OSError as error:
        raise BadPhoto(f"cannot be read: {(error.strerror or str(error)).lower()}") from error


def _looks(file: File) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


@contextmanager
def careful() -> Iterator[None]:
    """Pillow does not warn on the terminal, and refuses what has more than MAX_PIXELS."""
    with _settings, warnings.catch_warnings(), _at_most(MAX_PIXELS):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _at_most(pixels: float) -> Iterator[None]:
    """Pillow raises DecompressionBombError before it takes memory for more pixels."""
    with _settings:
        before = Image.MAX_IMAGE_PIXELS
        # Where it warns, which is half of where it refuses.
        Image.MAX_IMAGE_PIXELS = int(pixels) // 2 if pixels < math.inf else None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


@dataclass(slots=True)
class _Decoded:
    """An image, and (height, width) of the photo in full resolution."""

    image: Image.Image
    size: tuple[int, int]
    said: Said = field(default_factory=Said)
    remarks: list[str] = field(default_factory=list)


def _decoded(file: File, long_side_px: int | None) -> _Decoded:
    """The upright RGB image, what its EXIF data say, remarks."""
    held = raw.look(file)
    found = (
        _loaded(file, long_side_px) if held is None else _largest_inside(file, held, long_side_px)
    )
    orientation = 1
    try:
        exif = raw_exif(file, held) if held and held.header else found.image.getexif()
        orientation = _orientation(file, found.image, exif)
        found.said = read_exif(exif)
    except DAMAGE:
        found.remarks.append("its EXIF data are damaged; orientation, date and place are unknown")
    try:
        found.image = rgb(found.image)
    except DAMAGE as error:
        raise BadPhoto(f"damaged: {error}") from error
    turn = TURNS.get(orientation)
    if turn is not None:
        found.image = found.image.transpose(turn)
    if turn in SIDEWAYS:
        found.size = found.size[::-1]
    return found


def _loaded(file: File, long_side_px: int | None, *, rescue: bool = True) -> _Decoded:
    """One picture as its file holds it.

    rescue  use what is there of a damaged one
    """
    image = open_image(file)
    width, height = decoded_size(image)
    if width * height > MAX_PIXELS:
        raise BadPhoto(
            f"{width} x {height} pixels are more than the {MAX_PIXELS // 10**6} million allowed"
        )
    if (reason := refusal(image, size_of(file), USED_FROM)) is not None:
        raise BadPhoto(reason)
    found = _Decoded(image, image.size[::-1])
    try:
        _draft(image, long_side_px)
        image.load()
    except MemoryError as error:
        raise BadPhoto(f"{width} x {height} pixels do not fit into memory") from error
    except DAMAGE as error:
        if not rescue:
            raise BadPhoto(f"damaged: {error}") from error
        found.image, remark = _rescued(file, long_side_px, error)
        found.remarks.append(remark)
    return found


def _largest_inside(file: File, held: raw.Raw, long_side_px: int | None) -> _Decoded:
    """The largest picture of a raw file that can be decoded.

    raises  BadPhoto if there is none
    """
    for picture in held.pictures:
        try:
            found = _loaded(opened(file, *picture.parts), long_side_px, rescue=False)
        except BadPhoto:
            continue
        height, width = found.size
        if max(width, height) < min(THUMBNAIL_PX, max(held.full, default=0) or THUMBNAIL_PX):
            of = " of its {} x {}".format(*held.full) if max(held.full) else ""
            found.remarks.append(
                f"only a thumbnail of {width} x {height} pixels{of} could be decoded: "
                "small faces are missed"
            )
        return found
    raise BadPhoto(
        "a raw file without a picture that can be decoded: export it as JPEG, or as DNG "
        "with a preview"
    )


def raw_exif(file: File, held: raw.Raw) -> Image.Exif:
    """The EXIF data of a raw file that has some."""
    exif = Image.Exif()
    exif.load_from_fp(opened(file, *held.header))
    for tag, part in held.directories.items():
        own = Image.Exif()
        own.load_from_fp(opened(file, part))
        exif.get_ifd(tag).update(own)
    return exif


def _orientation(file: File, image: Image.Image, exif: Image.Exif) -> int:
    """How the decoded picture has to be turned, as EXIF numbers it.

    HEIC and AVIF turn pictures themselves, and EXIF repeats how; only where their containers
    say nothing of it EXIF counts. The decoders tell of both alike.
    """
    if image.format in ("HEIF", "AVIF"):
        container = boxes.look(file)
        if container is not None and not container.turns and container.exif:
            exif = Image.Exif()
            exif.load(container.exif)
    return int(exif.get(ExifTags.Base.Orientation, 1))


def open_image(file: File) -> ImageFile.ImageFile:
    """The image with its header read.

    raises  BadPhoto if there is none
    """
    register_heif_opener()
    size_bytes = size_of(file)
    file.seek(0)
    head = file.read(12)
    if (reason := too_large(head, size_bytes)) is not None:
        raise BadPhoto(reason)
    file.seek(0)
    held = most_pixels(head, size_bytes, USED_FROM)
    # Others tell their size before anything is taken for them.
    allowed = min(MAX_PIXELS, held) if takes_memory(head) else math.inf
    try:
        with _at_most(allowed):
            image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        if held < MAX_PIXELS:
            needed = math.ceil(size_bytes / USED_FROM)
            raise BadPhoto(
                f"damaged: its pixels take {needed} bytes at least; the file has {size_bytes}"
            ) from error
        raise BadPhoto(
            f"its pixels are more than the {MAX_PIXELS // 10**6} million allowed"
        ) from error
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


def _rescued(file: File, long_side_px: int | None, error: BaseException) -> tuple[Image.Image, str]:
    """What can still be decoded of a damaged file, and a remark that says how much.

    raises  BadPhoto if less than USED_FROM of the rows are there
    """
    reason = str(error) or type(error).__name__
    whole = Part(0, size_of(file))
    file.seek(0)
    # With an end marker libjpeg fills up what is missing, of progressive files too.
    pieces = (whole, b"\xff\xd9") if file.read(2) == b"\xff\xd8" else (whole,)
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = open_image(opened(file, *pieces))
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
