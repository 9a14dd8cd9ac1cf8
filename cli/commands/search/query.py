"""What a search is for: which of its arguments are photos with faces, and which are words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieve.cli.showing.render import shown
from retrieve.errors import BadInput


@dataclass(frozen=True, slots=True)
class Asked:
    """Faces in photos, words, or both.

    number  search only this face of each photo, 1 for the first; None is every face
    """

    photos: tuple[Path, ...]
    words: str
    number: int | None = None


def asked(given: Sequence[str], faces: Sequence[str], *, text: bool) -> Asked:
    """Sort the arguments of a search out.

    given   arguments: an image file that exists is a face to look for, all else are words
    faces   of --face: files that are photos whatever they are called, or the number of a face
    text    all of `given` are words
    raises  BadInput for a photo that does not exist
    """
    numbers = [int(one) for one in faces if one.isdecimal() and not _exists(one)]
    if len(numbers) > 1 or any(number < 1 for number in numbers):
        raise BadInput("wanted the number of one face, from 1 on: --face 2")
    files = [one for one in faces if not one.isdecimal() or _exists(one)]
    if missing := [one for one in files if not _exists(one)]:
        raise BadInput(f"no such photo: {shown(Path(missing[0]))}")
    photos = [Path(one) for one in files]
    words = []
    for one in given:
        if text or not _is_photo(one):
            # An argument may hold bytes that are no UTF-8; no text has words with such letters.
            words.append(os.fsencode(one).decode("utf-8", "replace"))
        elif _exists(one):
            photos.append(Path(one))
        else:
            raise BadInput(f"no such photo: {shown(Path(one))}. To search for these words: --text")
    if numbers and not photos:
        raise BadInput(
            f"--face {numbers[0]} chooses a face of a photo; got no photo. "
            f"A photo that is called {numbers[0]}: --face ./{numbers[0]}"
        )
    return Asked(tuple(photos), " ".join(words), next(iter(numbers), None))


def _is_photo(text: str) -> bool:
    """Whether an argument is a photo, or is written like the file of one."""
    suffix = Path(text).suffix.lower()
    if not suffix:
        return False
    from retrieve.photos import SUFFIXES  # with Pillow, .05 CPU s

    return suffix in SUFFIXES and (" " not in text.strip() or _exists(text))


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # longer than any path, or with a NUL
        return False
