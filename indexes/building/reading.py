"""Photos that are searched for, decoded in a process of their own with its limits.

What a stranger wrote, and libraries in C read, is nothing for the process that holds the
collection: a crash there costs one photo, and what they print goes nowhere.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Lock

from retrieve import photos
from retrieve.indexes.building.processes import FOR_PHOTOS, begin
from retrieve.indexes.building.workers import GIVES_MORE, TIME_LIMIT_S, Work, Workers
from retrieve.sources import Reader, content_of
from retrieve.types import Photo

Given = tuple[Path | bytes, int | None]  # a photo, and the long side in pixels that it is read for


class Reading:
    """A process that decodes photos, one after the other, as long as this lives; for threads."""

    def __init__(self, *, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._lock = Lock()
        self._workers: Workers[Photo] = Workers(
            open_reading, workers=1, time_limit_s=time_limit_s, preload=FOR_PHOTOS
        )

    def begin(self) -> None:
        """Say that a photo will come, and don't wait."""
        begin(FOR_PHOTOS)

    def of(self, read: Reader) -> Reader:
        """What reads the same photo, in that process; pixels that are decoded stay here."""
        given = content_of(read)
        return read if given is None else partial(self._photo, given)

    def _photo(self, given: Path | bytes, long_side_px: int | None) -> Photo:
        with self._lock:
            ((_, outcome),) = self._workers.run([(None, (given, long_side_px))])
        if isinstance(outcome, str):
            reason = outcome.removesuffix(GIVES_MORE)  # an option of index
            raise photos.BadPhoto(reason, given if isinstance(given, Path) else None)
        return outcome


def open_reading() -> Work[Photo]:
    """What is done in the process; raises BadPhoto."""
    return _read


def _read(given: Given) -> Photo:
    photo, long_side_px = given
    if isinstance(photo, bytes):
        return photos.decode(photo, long_side_px=long_side_px)
    return photos.read(photo, long_side_px=long_side_px)
