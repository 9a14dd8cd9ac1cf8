"""Photos of candidate pairs, read in workers, and their pairs compared as they come.

Nothing of a photo is kept once its last pair was compared: what waits is bounded by the order, in
which photos of one component of the graph follow each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve import photos
from retrieve.errors import BadInput
from retrieve.indexes.building import workers
from retrieve.indexes.reembedding.reading import holding
from retrieve.pictures.same.compared import Fit, compare
from retrieve.pictures.same.marks import Marks, marks, sharpness, sketch, unframed

LONG_SIDE_PX = 512  # a blurred shot looks blurred at it; libjpeg decodes phones' at an eighth
SAME_LEVELS = 2.0  # mean difference of two sketches, of 255, whose pixels may be the same
OnProgress = Callable[[int, int], None]  # photos read, of how many


@dataclass(frozen=True, slots=True, eq=False)
class Sketched:
    """What is compared of a photo.

    unframed  share of it within its margins of one colour: without a frame, a page around it
    """

    grey: NDArray[np.uint8]
    marks: Marks
    sharpness: float
    unframed: float


@dataclass(frozen=True, slots=True)
class Sought:
    """A photo that is to be read: files that may hold it, and by what it is known there."""

    paths: tuple[Path, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Sketching:
    """How photos are read to be compared; pickled to every worker once."""

    def open(self) -> Callable[[Sought], Sketched]:
        """What is done with a photo; raises BadInput for one that cannot be used."""
        return _sketched


@dataclass(frozen=True, slots=True)
class Hashing:
    """How photos are read for their pixels alone; pickled to every worker once."""

    def open(self) -> Callable[[Sought], str]:
        """What is done with a photo; raises BadInput for one that cannot be used."""
        return _pixels_hash


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What came of looking at photos and pairs.

    fits       (a, b) → how one lies on the other; None where it does not
    equal      pairs whose pixels may be the same
    sharpness, unframed
               of each photo that was read
    left       photos that could not be read, and why
    """

    fits: dict[tuple[int, int], Fit | None]
    equal: list[tuple[int, int]]
    sharpness: dict[int, float]
    unframed: dict[int, float]
    left: dict[int, str]


def look(
    pairs: Iterable[tuple[int, int]],
    sought: Callable[[int], Sought],
    *,
    processes: int = workers.WORKERS,
    time_limit_s: float = workers.TIME_LIMIT_S,
    on_progress: OnProgress | None = None,
) -> Seen:
    """Read the photos of some pairs and compare each pair.

    sought  gives the files of a photo, by what it is called in the pairs
    """
    near: dict[int, list[int]] = {}
    for a, b in pairs:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    waiting = {photo: set(others) for photo, others in near.items()}
    held: dict[int, Sketched] = {}
    seen = Seen({}, [], {}, {}, {})
    found = workers.run(
        Sketching().open,
        ((photo, sought(photo)) for photo in _in_order(near)),
        workers=processes,
        time_limit_s=time_limit_s,
    )
    for read, (photo, outcome) in enumerate(found, 1):
        if isinstance(outcome, str):
            seen.left[photo] = outcome
            for other in waiting.pop(photo):
                _settled(waiting, held, other, photo)
        else:
            held[photo] = outcome
            seen.sharpness[photo] = outcome.sharpness
            seen.unframed[photo] = outcome.unframed
            for other in sorted(waiting[photo]):
                if other in held:
                    _compare(held, min(photo, other), max(photo, other), seen)
                    _settled(waiting, held, photo, other)
                    _settled(waiting, held, other, photo)
        if on_progress is not None:
            on_progress(read, len(near))
    return seen


def pixels_of(
    photos_sought: Mapping[int, Sought],
    *,
    processes: int = workers.WORKERS,
    time_limit_s: float = workers.TIME_LIMIT_S,
) -> dict[int, str]:
    """By what the upright pixels of some photos are known, in full resolution; of those that can
    be read.
    """
    found = workers.run(
        Hashing().open, photos_sought.items(), workers=processes, time_limit_s=time_limit_s
    )
    # What cannot be read in full was read for its sketch: that the pixels are the same is not said.
    return {photo: outcome for photo, outcome in found if outcome.startswith(PIXELS)}


MORE = "it holds more than its pixels"  # frames, depth, transparency: they would be lost unsaid
PIXELS = "pixels:"  # before what pixels are known by, which a reason never begins with


def _sketched(sought: Sought) -> Sketched:
    pixels = _read(sought, LONG_SIDE_PX)
    grey = sketch(pixels)
    return Sketched(grey, marks(grey), sharpness(pixels), unframed(grey))


def _pixels_hash(sought: Sought) -> str:
    if not photos.is_all_in_pixels(holding(sought.paths, sought.sha256)):
        return MORE
    pixels = _read(sought, None)
    digest = hashlib.sha256(pixels.tobytes())
    digest.update(str(pixels.shape).encode())
    return PIXELS + digest.hexdigest()


def _read(sought: Sought, long_side_px: int | None) -> NDArray[np.uint8]:
    photo = photos.read(holding(sought.paths, sought.sha256), long_side_px=long_side_px)
    if photo.sha256 != sought.sha256:
        raise BadInput("its file changed while it was read")
    return photo.pixels


def _compare(held: Mapping[int, Sketched], a: int, b: int, seen: Seen) -> None:
    one, other = held[a], held[b]
    seen.fits[a, b] = compare(one.grey, other.grey, one.marks, other.marks)
    if one.grey.shape == other.grey.shape:
        difference = one.grey.astype(np.int16) - other.grey
        if float(np.abs(difference).mean()) <= SAME_LEVELS:
            seen.equal.append((a, b))


def _settled(
    waiting: dict[int, set[int]], held: dict[int, Sketched], photo: int, other: int
) -> None:
    """A photo waits for another one no more; one that waits for none is let go."""
    if photo in waiting:
        waiting[photo].discard(other)
        if not waiting[photo]:
            held.pop(photo, None)


def _in_order(near: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """Photos so that those which are compared follow each other closely: breadth first."""
    given: set[int] = set()
    for start in near:
        if start in given:
            continue
        given.add(start)
        queue = [start]
        for photo in queue:
            yield photo
            new = [other for other in near[photo] if other not in given]
            given.update(new)
            queue.extend(new)
