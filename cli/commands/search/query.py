"""What a search is for: which of its arguments are photos with faces, and which are words."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieve.cli.exits import BadUsage
from retrieve.cli.showing import render
from retrieve.cli.showing.render import shown
from retrieve.errors import BadInput

STDIN = "-"
PIPES = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")  # what shells call a pipe by
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


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

    given   arguments: an image file that exists, a pipe or - is a face to look for, all else is
            words; but a folder, another file or an address on the web is none
    faces   of --face: files that are photos whatever they are called, or the number of a face
    text    all of `given` are words
    raises  BadInput for a photo that does not exist, and for what is neither photo nor words
    """
    numbers = [int(one) for one in faces if one.isdecimal() and not _exists(one)]
    if len(numbers) > 1 or any(number < 1 for number in numbers):
        raise BadUsage("wanted the number of one face, from 1 on: --face 2")
    files = [one for one in faces if not one.isdecimal() or _exists(one)]
    if missing := [one for one in files if one != STDIN and not _exists(one)]:
        raise BadInput(f"no such photo: {shown(Path(missing[0]))}")
    photos = [Path(one) for one in files]
    words = []
    for one in given:
        if text or not _is_photo(one, alone=len(given) == 1):
            # An argument may hold bytes that are no UTF-8; no text has words with such letters.
            words.append(os.fsencode(one).decode("utf-8", "replace"))
        elif one == STDIN or _exists(one):
            photos.append(Path(one))
        else:
            raise BadInput(f"no such photo: {shown(Path(one))}. To search for these words: --text")
    if numbers and not photos:
        raise BadUsage(
            f"--face {numbers[0]} chooses a face of a photo; got no photo. "
            f"A photo that is called {numbers[0]}: --face ./{numbers[0]}"
        )
    return Asked(tuple(photos), " ".join(words), next(iter(numbers), None))


def photo_of(path: Path) -> Path | bytes:
    """What a photo is read from: its file, or the bytes that come through a pipe.

    raises  BadInput where nothing is piped in
    """
    if not is_pipe(path):
        return path
    if str(path) in (STDIN, PIPES[0]) and sys.stdin.isatty():
        raise BadInput(f"wanted a photo through a pipe, as: cat ana.jpg | retrieve search {path}")
    try:
        content = sys.stdin.buffer.read() if str(path) == STDIN else path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {shown(path)}: {error.strerror}") from error
    if not content:
        raise BadInput(f"wanted a photo through {shown(path)}; nothing came")
    return content


def is_pipe(path: Path) -> bool:
    """Whether a photo comes through a pipe and not out of a file."""
    text = str(path)
    if text == STDIN or text.startswith(PIPES):
        return True
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False


def _is_photo(text: str, *, alone: bool) -> bool:
    """Whether an argument is a photo, or is written like the file of one.

    alone   there is no other argument
    raises  BadInput for what is there and no photo, if it is alone or written as a path: else it
            is a word, and that is told
    """
    if URL.match(text):
        raise BadInput(
            f"{text} is an address on the web, and nothing is fetched from there. Save the photo "
            "and search for its file; to search for these words: --text"
        )
    if text == STDIN:
        return True
    if not _exists(text):
        return _is_named_photo(text) and " " not in text.strip()
    path = Path(text)
    other = _what_else(path)
    if other is None:
        return True
    if alone or os.sep in text or (path.suffix and not path.is_dir()):
        raise BadInput(f"{shown(path)} is {other}")
    render.note(f"taken for a word: {text}, though {shown(path)} is {other}")
    return False


def _what_else(path: Path) -> str | None:
    """What there is that is no photo, and what to do with it; None for a photo or a pipe."""
    named = shown(path)
    if path.is_dir():
        return (
            f"a folder. To search below it: retrieve search WORDS --folder {named}; to search for "
            "its name as words: --text"
        )
    if is_pipe(path):
        return None
    if not path.is_file():
        return "no file that a photo could be read from. To search for its name as words: --text"
    if _is_named_photo(named):
        return None
    from retrieve.documents.signatures import is_picture

    if is_picture(path):
        return None
    return (
        "a file, and no photo. To search in it: retrieve search WORDS --folder FOLDER; for its "
        f"name as words: --text; for each of its lines: --queries {named}"
    )


def _is_named_photo(text: str) -> bool:
    suffix = Path(text).suffix.lower()
    if not suffix:
        return False
    from retrieve.photos import SUFFIXES  # with Pillow, .05 CPU s

    return suffix in SUFFIXES


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # longer than any path, or with a NUL
        return False
