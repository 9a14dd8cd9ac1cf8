"""What a search is for: which of its arguments are photos with faces, and which are words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import BadInput


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
    numbers = [int(one) for one in faces if one.isdigit() and not Path(one).exists()]
    if len(numbers) > 1 or any(number < 1 for number in numbers):
        raise BadInput("wanted the number of one face, from 1 on: --face 2")
    photos = [Path(one) for one in faces if not one.isdigit() or Path(one).exists()]
    words = []
    for one in given:
        if not text and _is_photo(one):
            photos.append(Path(one))
        else:
            words.append(one)
    if missing := [path for path in photos if not path.exists()]:
        raise BadInput(f"no such photo: {missing[0]}. To search for these words in texts: --text")
    return Asked(tuple(photos), " ".join(words), next(iter(numbers), None))


def _is_photo(text: str) -> bool:
    """Whether an argument is a photo, or is written like the file of one."""
    from retrieval.photos import SUFFIXES

    if "\0" in text or len(text) > 4096:
        return False
    path = Path(text)
    if path.suffix.lower() not in SUFFIXES or path.suffix == text:
        return False
    try:
        return path.exists() or " " not in text.strip()
    except OSError:
        return False
