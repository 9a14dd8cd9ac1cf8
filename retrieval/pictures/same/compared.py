"""Whether two pictures are one that was changed, part by part.

Once the first lies on the second (matching.py, fitting.py), small parts of both are compared, each
where it is and a little beside. An edited picture agrees where it is, in all parts but those that
were painted over, and these agree nowhere. Of two photos of one scene something has moved between
the shots, or the camera has: parts agree better a little beside. No threshold on how alike two
pictures look tells these apart (a burst looks more alike than a corner cut out of a picture).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.pictures.same.fitting import averaged, grid, inside, precise
from retrieve.pictures.same.marks import Floats, Marks, sampled
from retrieve.pictures.same.matching import Matrix, inverse, match, onto, scale_of

PART_PX = 12  # of a sketch, each way
REACH_PX = 2  # how far beside a part is sought
TEXTURED = 4.0  # standard deviation, of 255, of a part that says something
SURE, STILL = 0.8, 0.4  # correlation of a part that is the same, anyway; where none beside is more
MOVED, BY = 0.6, 0.1  # of one that is there, but beside; and more than where it should be
# Of true bursts and of pictures that were changed, made ones and those that are there, in
# docs/duplicates.md: of the first .24 and more has moved, of nearly all others .1 at most.
MOST_MOVED = 0.2
LEAST_SAME = 0.4  # of the parts: two fifths may be painted over
LEAST_COVERED = 0.35  # of the smaller picture
LEAST_PARTS = 12
LEAST_AGREEING = 6  # pairs of marks


@dataclass(frozen=True, slots=True)
class Fit:
    """How one picture lies on another, and what agrees there.

    pairs     of marks that agree on it
    covered   share of the smaller picture's area that both show, 0 to 1
    parts     of what both show that say something
    same      share of them that agree where they are
    moved     share of those that are found at all which lie a little beside
    area      how many pixels of the second's sketch show what one of the first's shows
    """

    pairs: int
    covered: float
    parts: int
    same: float
    moved: float
    area: float

    @property
    def one_picture(self) -> bool:
        """Whether both are one picture, changed or not."""
        return (
            self.pairs >= LEAST_AGREEING
            and self.covered >= LEAST_COVERED
            and self.parts >= LEAST_PARTS
            and self.same >= LEAST_SAME
            and self.moved <= MOST_MOVED
        )


def compare(
    one: NDArray[np.uint8], other: NDArray[np.uint8], of_one: Marks, of_other: Marks
) -> Fit | None:
    """How the first of two sketches lies on the second, by their marks too; None if it does not."""
    a, b = one.astype(np.float32), other.astype(np.float32)
    if len(of_one) and np.array_equal(one, other):  # of many copies each pair is one
        return _parts(a, b, np.eye(2, 3), len(of_one))
    found = match(of_one, of_other)
    if found is None:
        return None
    matrix, pairs = found
    try:
        if scale_of(matrix) > 1:  # on the one that shows it smaller: enlarging adds nothing
            fit = _parts(b, a, precise(b, a, inverse(matrix)), pairs)
            return Fit(pairs, fit.covered, fit.parts, fit.same, fit.moved, 1 / fit.area)
        return _parts(a, b, precise(a, b, matrix), pairs)
    except np.linalg.LinAlgError:
        return None


def _parts(a: Floats, b: Floats, matrix: Matrix, pairs: int) -> Fit:
    x, y = grid(b.shape)
    back = inverse(matrix)
    u, v = onto(back, x, y)
    seen = inside(u, v, a.shape)
    area = scale_of(matrix) ** 2
    covered = float(min(1.0, max(seen.mean(), seen.sum() / area / a.size)))
    laid = np.pad(sampled(averaged(a, scale_of(back)), u, v), REACH_PX, "edge")
    whole = _cut(seen).all(axis=1)
    still, spread = _level(_cut(b)[whole])
    table = []
    told = np.zeros(len(still), np.bool_)
    for dy in range(2 * REACH_PX + 1):
        for dx in range(2 * REACH_PX + 1):
            beside = laid[dy : dy + b.shape[0], dx : dx + b.shape[1]]
            part, own = _level(_cut(beside)[whole])
            if dx == dy == REACH_PX:
                told = np.maximum(own, spread) >= TEXTURED
            table.append((part * still).mean(axis=1) / np.maximum(own * spread, 1e-3))
    scores = np.stack(table)[:, told]
    if not scores.size:
        return Fit(pairs, covered, 0, 0.0, 0.0, area)
    here, best = scores[len(scores) // 2], scores.max(axis=0)
    same = (here >= SURE) | ((here == best) & (here >= STILL))
    moved = ~same & (best >= MOVED) & (best - here > BY)
    lost = moved.sum() / max(1, moved.sum() + same.sum())
    return Fit(pairs, covered, len(here), float(same.mean()), float(lost), area)


def _cut(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """(P, PART_PX * PART_PX) its parts; what is left at the right and below is left out."""
    height, width = (side // PART_PX for side in image.shape)
    tiles = image[: height * PART_PX, : width * PART_PX]
    shape = (height, PART_PX, width, PART_PX)
    return tiles.reshape(shape).swapaxes(1, 2).reshape(-1, PART_PX * PART_PX)


def _level(parts: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """Parts of mean 0, and the standard deviation of each."""
    values = parts.astype(np.float32)
    values = values - values.mean(axis=1, keepdims=True)
    return values, values.std(axis=1)
