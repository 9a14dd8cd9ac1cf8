"""Which photo of a group is the best: by pixels, then by sharpness and faces.

1. the most pixels on what all of them show, where four fifths of the most are as good: of an edited
   picture they follow from how one lies on the other, else they are all that it has
2. of those the most pixels within margins of one colour, where nine tenths are as good: what is cut
   off counts less, a frame or a page around counts nothing
3. of those one with colours: of a picture in colours the grey copy lacks something
4. of those one whose date is known
5. then the highest sum of sharpness, as a share of the sharpest, and of its faces' quality
6. then the larger file, and the first by its name

Of the same pixels it is one whose date is known, then the smaller file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SHARED, WHOLE = 0.8, 0.9  # what counts as equal to the most: fits are good to some per cent


@dataclass(frozen=True, slots=True)
class Worth:
    """What is known of a photo that may be the best.

    size       (height, width)
    unframed   share of it within margins of one colour, as Sketched has it
    sharpness  None where it was not read
    quality    of its faces; None without one
    coloured   it has colours; whether one that was not read has is not known, and taken for granted
    """

    size: tuple[int, int]
    size_bytes: int
    dated: bool
    unframed: float
    sharpness: float | None
    quality: float | None
    path: Path
    coloured: bool


def ordered(
    photos: Iterable[int], worth: Mapping[int, Worth], finer: Mapping[int, float] | None = None
) -> list[int]:
    """Photos of one group, the best first.

    finer  how many pixels each has for one of another's, on what both show; None: as many as it
           has in all
    """
    left = sorted(photos)
    pixels = {photo: math.prod(worth[photo].size) * worth[photo].unframed for photo in left}
    shared = pixels if finer is None else {photo: finer[photo] for photo in left}
    sharpest = max((worth[photo].sharpness or 0.0 for photo in left), default=0.0) or 1.0
    most_shared = max(shared.values())
    most = max(pixels[photo] for photo in left if shared[photo] >= SHARED * most_shared)

    def place(photo: int) -> tuple[object, ...]:
        one = worth[photo]
        clear = (one.sharpness or 0.0) / sharpest + (one.quality or 0.0)
        fine, large = shared[photo] >= SHARED * most_shared, pixels[photo] >= WHOLE * most
        most_of_it = fine and large
        size = 0.0 if most_of_it else -pixels[photo]
        return (
            not fine,
            not most_of_it,
            size,
            not one.coloured,
            not one.dated,
            -clear,
            -one.size_bytes,
            str(one.path),
            photo,
        )

    return sorted(left, key=place)


def of_same_pixels(photos: Iterable[int], worth: Mapping[int, Worth]) -> list[int]:
    """Photos of the same pixels, the best first."""

    def place(photo: int) -> tuple[object, ...]:
        one = worth[photo]
        return not one.dated, one.size_bytes, str(one.path), photo

    return sorted(photos, key=place)


def finer(
    photos: Sequence[int],
    areas: Mapping[tuple[int, int], float],
    sizes: Mapping[int, tuple[int, int]],
) -> dict[int, float]:
    """How many pixels each photo of an edited picture has for one of the first's, on what they
    share.

    areas  (a, b) → how many pixels of b's sketch show what one of a's shows; they connect all
    """
    near: dict[int, list[tuple[int, float]]] = {photo: [] for photo in photos}
    for (a, b), area in areas.items():
        if a in near and b in near:
            ratio = area * (max(sizes[b]) / max(sizes[a])) ** 2  # sketches are of one long side
            near[a].append((b, ratio))
            near[b].append((a, 1 / ratio))
    found = {photos[0]: 1.0}
    queue = [photos[0]]
    for photo in queue:
        for other, ratio in near[photo]:
            if other not in found:
                found[other] = found[photo] * ratio
                queue.append(other)
    return {photo: found.get(photo, 1.0) for photo in photos}
