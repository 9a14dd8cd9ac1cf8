"""Photos of candidate pairs, read in workers some at a time, and then their pairs compared there.

Nothing of a photo is kept once its last pair was compared: what waits is bounded by the order, in
which photos of one component of the graph follow each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve import photos
from retrieve.errors import BadInput
from retrieve.indexes.building import workers
from retrieve.indexes.reembedding.reading import holding
from retrieve.pictures.same.compared import Fit, compare
from retrieve.pictures.same.marks import Marks, coloured, marks, sharpness, sketch, unframed

LONG_SIDE_PX = 512  # a blurred shot looks blurred at it; libjpeg decodes phones' at an eighth
SAME_LEVELS = 2.0  # mean difference of two sketches, of 255, whose pixels may be the same
AT_ONCE = 64  # photos that are read before their pairs are compared: of some 100 kB each
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
    coloured: bool


@dataclass(frozen=True, slots=True)
class Sought:
    """A photo that is to be read: files that may hold it, and by what it is known there."""

    paths: tuple[Path, ...]
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    """Two photos that are to be compared."""

    one: Sketched
    other: Sketched


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of it.

    fit          how the first lies on the other; None where it does not
    maybe_equal  whether their pixels may be the same
    """

    fit: Fit | None
    maybe_equal: bool


@dataclass(frozen=True, slots=True)
class Looking:
    """How photos are read to be compared, and pairs of them compared; pickled to every worker
    once.
    """

    def open(self) -> Callable[[Sought | Both], Sketched | Compared]:
        """What is done with either; raises BadInput for a photo that cannot be used."""
        return lambda item: _compared(item) if isinstance(item, Both) else _sketched(item)


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
    sharpness, unframed, coloured
               of each photo that was read
    left       photos that could not be read, and why
    """

    fits: dict[tuple[int, int], Fit | None]
    equal: list[tuple[int, int]]
    sharpness: dict[int, float]
    unframed: dict[int, float]
    coloured: dict[int, bool]
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
    seen = Seen({}, [], {}, {}, {}, {})
    order, read = _in_order(near), 0
    with workers.Workers(Looking().open, workers=processes, time_limit_s=time_limit_s) as hands:
        while some := list(islice(order, AT_ONCE)):
            for photo, outcome in hands.run((photo, sought(photo)) for photo in some):
                if isinstance(outcome, Sketched):
                    if waiting[photo]:  # else none of the others can be read
                        held[photo] = outcome
                    seen.sharpness[photo] = outcome.sharpness
                    seen.unframed[photo] = outcome.unframed
                    seen.coloured[photo] = outcome.coloured
                else:
                    seen.left[photo] = str(outcome)
                read += 1
                if on_progress is not None:
                    on_progress(read, len(near))
            here = sorted(
                {
                    (min(a, b), max(a, b))
                    for a in some
                    for b in waiting[a]
                    if a in held and b in held
                }
            )
            both = (((a, b), Both(held[a], held[b])) for a, b in here)
            for (a, b), outcome in hands.run(both):
                if isinstance(outcome, Compared):
                    seen.fits[a, b] = outcome.fit
                    if outcome.maybe_equal:
                        seen.equal.append((a, b))
                else:
                    seen.left[a] = str(outcome)
            _let_go(
                waiting, held, [*here, *((a, b) for a in some if a in seen.left for b in near[a])]
            )
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
    return Sketched(grey, marks(grey), sharpness(pixels), unframed(grey), coloured(pixels))


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


def _compared(both: Both) -> Compared:
    one, other = both.one, both.other
    fit = compare(one.grey, other.grey, one.marks, other.marks)
    if one.grey.shape != other.grey.shape:
        return Compared(fit, False)
    difference = np.abs(one.grey.astype(np.int16) - other.grey)
    return Compared(fit, float(difference.mean()) <= SAME_LEVELS)


def _let_go(
    waiting: dict[int, set[int]], held: dict[int, Sketched], settled: Iterable[tuple[int, int]]
) -> None:
    """Photos wait for each other no more; one that waits for none is let go."""
    for a, b in settled:
        for photo, other in ((a, b), (b, a)):
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
