"""In which directions rows are coded, and by how many codes: as few as tell strangers apart.

Networks fill far fewer dimensions than their embeddings have, so codes are spent on the
directions in which rows differ most, turned at random among themselves so that each code has as
much to tell (as Gong et al. 2013, "Iterative quantization", without their iterations). What is
left out is where neither rows nor probes stray far from the mean. Many embeddings share a large
mean, of which every probe has its part: what a code gets wrong in its direction counts in every
score. So that direction has a code of its own, which knows the little that rows differ in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.types import Embeddings

# Width of a code → share of the variance of normally distributed numbers that its 16 centroids,
# found by k-means, leave. (The best that there are for one number leave .0095: Max 1960,
# "Quantizing for minimum distortion".)
LEFT = {1: 0.011, 2: 0.108, 4: 0.342}
MOST_CODES = 128  # of a row: 64 bytes
STEP = 8  # codes more or fewer at a time
# Of the spread of strangers' scores, the spread of what codes get wrong in them. What it finds:
# python -m benchmarks.search --photos FOLDER.
NOISE = 0.11
# Where no codes reach that, times the least noise that is still as good. Of those the codes are
# taken that leave out least, for short queries stray where passages don't. The text encoder static
# fills 480 dimensions: among 52,281 passages 128 codes of two at .16 find all of the ten nearest,
# 128 of one at .15 find .994, 80 of two at .20 .995. lstm fills 200; 101 of two have room for them.
NEARLY = 1.25


@dataclass(frozen=True, slots=True)
class Codes:
    """4-bit codes of one row; the first is of the mean's direction.

    count  of them
    width  directions that each of the others stands for
    """

    count: int
    width: int

    @property
    def dim(self) -> int:
        """Numbers that a row is turned into; of the first code's all but one are zeros."""
        return self.count * self.width


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Where rows lie.

    length      of their mean
    toward      (D,) unit, its direction
    along       variance of the rows in that direction
    variances   (D - 1,) in the others, the largest first
    directions  (D, D - 1) those, by column
    """

    length: float
    toward: NDArray[np.float64]
    along: float
    variances: NDArray[np.float64]
    directions: NDArray[np.float64]


def spread(sample: Embeddings) -> Spread:
    """Of (N, D) rows."""
    rows = sample.astype(np.float64)
    mean = rows.mean(axis=0)
    length = float(np.linalg.norm(mean))
    toward = mean / length if length else np.eye(len(mean))[0]
    rows -= mean
    along = rows @ toward
    rows -= np.outer(along, toward)
    # Less than nothing in the direction of the mean makes it the last one, which is left off.
    values, directions = np.linalg.eigh(rows.T @ rows / len(rows) - np.outer(toward, toward))
    variances = np.maximum(values[:0:-1], 0)
    return Spread(length, toward, float(along.var()), variances, directions[:, :0:-1])


def noise(of: Spread, codes: Codes) -> float:
    """Spread of the error of a score, as a share of the spread of strangers' scores.

    Probes lie as rows do. So a direction that is left out costs its variance squared; in those
    that are kept, turned among themselves, variance and error are the same everywhere.
    """
    kept, left_out = np.split(of.variances, [(codes.count - 1) * codes.width])
    shared = of.along * (of.along + of.length**2)
    wrong = LEFT[1] * shared + np.sum(left_out**2)
    if len(kept):
        wrong += LEFT[codes.width] * kept.sum() ** 2 / len(kept)
    scores = shared + np.sum(of.variances**2)
    return float(np.sqrt(wrong / scores)) if scores else 0.0


def fewest_codes(of: Spread) -> Codes:
    """The fewest whose noise is at most NOISE; if there are none, those that leave out least."""
    tried = set()
    for width in LEFT:
        all_of_them = 1 - (-len(of.variances) // width)  # enough for every direction
        every = range(STEP, min(all_of_them, MOST_CODES) + 1, STEP)
        tried |= {Codes(count, width) for count in (*every, min(all_of_them, MOST_CODES))}
    by_noise = {
        codes: noise(of, codes) for codes in sorted(tried, key=lambda one: (one.count, one.width))
    }
    enough = [codes for codes, found in by_noise.items() if found <= NOISE]
    if enough:
        return min(enough, key=lambda codes: (codes.count, by_noise[codes]))
    most = NEARLY * min(by_noise.values())
    nearly = [codes for codes, found in by_noise.items() if found <= most]
    return max(nearly, key=lambda codes: (_kept(of, codes), -codes.count, -by_noise[codes]))


def _kept(of: Spread, codes: Codes) -> int:
    """Directions that have codes."""
    return min((codes.count - 1) * codes.width, len(of.variances))


def turn(of: Spread, codes: Codes, *, seed: int) -> NDArray[np.float32]:
    """(D, codes.dim), by which rows are multiplied; where it has room for all, scores stay."""
    rest = codes.dim - codes.width
    turned = np.zeros((len(of.toward), codes.dim), np.float32)
    turned[:, 0] = of.toward
    at_random = np.random.default_rng(seed).standard_normal((rest, rest))
    rotation = np.linalg.qr(at_random)[0][: of.directions.shape[1]]
    turned[:, codes.width :] = of.directions[:, :rest] @ rotation
    return turned
