"""Photos of others: how many words are seen in them, and which, for people to look."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from retrieve import photos
from retrieve.pictures.written.read import LEAST_WORD, PHOTO_PX, WordReader

SUFFIXES = (".jpg", ".jpeg", ".png")


def report(folders: Sequence[Path], *, show: bool) -> None:
    """Print it."""
    reader = WordReader()
    files = [path for folder in folders for path in sorted(folder.rglob("*"))]
    read = with_words = words = 0
    spent = {True: 0.0, False: 0.0}
    for path in (path for path in files if path.suffix.lower() in SUFFIXES):
        try:
            pixels = photos.read(path, long_side_px=PHOTO_PX).pixels
        except photos.BadPhoto:
            continue
        begun = time.process_time()
        lines = reader.read(pixels)
        spent[bool(lines)] += time.process_time() - begun
        read += 1
        with_words += bool(lines)
        words += sum(len(line.text.split()) for line in lines)
        for line in lines if show else ():
            print(f"  {path.parent.name}/{path.name} {line.confidence:.2f} {line.text}")
    without = read - with_words
    print(
        f"real: {read} photos, {with_words} with {words} words of {LEAST_WORD:g} and more; "
        f"{1000 * spent[True] / max(with_words, 1):.0f} CPU ms a photo with words, "
        f"{1000 * spent[False] / max(without, 1):.0f} without"
    )
