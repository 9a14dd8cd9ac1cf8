"""One photo, or some pages of a PDF → passages of what is written there, in a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retrieve import photos
from retrieve.documents.formats.pdf.pictured import pictures
from retrieve.documents.formats.pdf.read import read_pdf
from retrieve.errors import BadInput, foreseen
from retrieve.pictures.written.passages import passages_of
from retrieve.pictures.written.read import PHOTO_PX, WordReader
from retrieve.types import Passage

PAGES_AT_ONCE = 4  # 3 CPU s each: what a kill costs, and far from the limit of a file


@dataclass(frozen=True, slots=True)
class Task:
    """A file to be read.

    pages  of a PDF, which are to be read; None asks which those are
    """

    path: Path
    is_photo: bool
    pages: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a task.

    sha256    of the file's bytes as they were read
    passages  that are written there
    pages     those that are to be read, where that was asked for
    """

    sha256: str
    passages: tuple[Passage, ...] = ()
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How words are read; pickled to every worker once."""

    def open(self) -> Callable[[Task], Found]:
        """Open the networks, at the first picture."""
        reader: WordReader | None = None

        def words() -> WordReader:
            nonlocal reader
            if reader is None:
                reader = WordReader()
            return reader

        def work(task: Task) -> Found:
            return _photo(task.path, words()) if task.is_photo else _pages(task, words)

        return work


def _photo(path: Path, reader: WordReader) -> Found:
    photo = photos.read(path, long_side_px=PHOTO_PX)
    lines = reader.read(photo.pixels)
    return Found(photo.sha256, tuple(passages_of(lines, scale=photo.scale)))


@foreseen()
def _pages(task: Task, words: Callable[[], WordReader]) -> Found:
    try:
        content = task.path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if task.pages is None:
        wanted: list[int] = []
        read_pdf(content, [], wanted)
        return Found(sha256, pages=tuple(wanted))
    found: list[Passage] = []
    for page in pictures(content, task.pages, PHOTO_PX):
        found += passages_of(words().read(page.pixels), scale=page.scale, page=page.number)
    return Found(sha256, tuple(found))
