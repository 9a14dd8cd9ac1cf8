"""Whatever people hand over as a photo → one thing that reads it: the door's only converter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.types import Photo

if TYPE_CHECKING:
    from PIL import Image

    PhotoLike = str | Path | bytes | Image.Image | NDArray[np.uint8]

# Reads one photo with no more pixels on its long side than asked for; None is all of them.
Reader = Callable[[int | None], Photo]


def file_reader(path: Path) -> Reader:
    """Of a file, which is read at each call."""
    return partial(_file, path)


def given_path(path: str | Path) -> Path:
    """A path as people write it; ~ is a home.

    raises  BadInput for what is no path
    """
    if not isinstance(path, str | Path) or "\0" in str(path):
        raise BadInput(f"wanted a path, as text or pathlib.Path; got {path!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # of a user whom nobody knows
        raise BadInput(f"{path}: {error}") from error


def content_of(read: Reader) -> Path | bytes | None:
    """The file or the bytes that a reader decodes; None for pixels that are decoded already."""
    if isinstance(read, partial) and read.func in (_file, _named, _bytes):
        given: Path | bytes = read.args[0]
        return given
    return None


def reader_of(photo: PhotoLike) -> Reader:
    """Of the path of a file (~ is your home), its bytes, an image of Pillow, or an array.

    photo   an array is (H, W, 3) uint8 RGB, upright
    returns what raises BadPhoto with the file's path if it cannot be used
    raises  BadInput for anything else
    """
    from PIL import Image

    given: Any = photo
    if isinstance(given, str | Path):
        return partial(_named, given_path(given))
    if isinstance(given, bytes | bytearray | memoryview):
        return partial(_bytes, bytes(given))
    if isinstance(given, np.ndarray):
        if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3:
            raise BadInput(
                f"wanted an array (H, W, 3) uint8 RGB as a photo; got {given.shape} {given.dtype}"
            )
        return partial(_image, Image.fromarray(given))
    if isinstance(given, Image.Image):
        return partial(_image, given)
    raise BadInput(
        "wanted a photo: its path, its bytes, an image of Pillow or an array (H, W, 3) uint8; "
        f"got {type(given).__name__}"
    )


# Pillow comes with the first photo: a search for words does without.


def _file(path: Path, long_side_px: int | None) -> Photo:
    from retrieve import photos

    return photos.read(path, long_side_px=long_side_px)


def _named(path: Path, long_side_px: int | None) -> Photo:
    from retrieve import photos

    try:
        return photos.read(path, long_side_px=long_side_px)
    except photos.BadPhoto as error:
        raise photos.BadPhoto(error.reason, path) from error


def _bytes(content: bytes, long_side_px: int | None) -> Photo:
    from retrieve import photos

    return photos.decode(content, long_side_px=long_side_px)


def _image(image: Image.Image, long_side_px: int | None) -> Photo:
    from retrieve import photos

    return photos.from_image(image, long_side_px=long_side_px)
