"""What one photo shows as a whole: an embedding, and the classes of things in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 0.01  # probability of a class that is kept: of a thousand, some ten


@dataclass(frozen=True, slots=True)
class Class:
    """A class of things, and how likely the photo shows it.

    number       of the class, 0 for the first; retrieve.pictures.embedding.classes says which
    probability  0 to 1
    """

    number: int
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What a picture embedder says of one photo.

    embedding  (D,) float32 of length 1; photos that look alike have a high cosine
    classes    of LEAST and more, the likeliest first
    """

    embedding: NDArray[np.float32]
    classes: tuple[Class, ...]


def likeliest(probabilities: NDArray[np.float32]) -> tuple[Class, ...]:
    """The classes of LEAST and more out of all, (K,), the likeliest first."""
    order = np.argsort(-probabilities, kind="stable")
    kept = order[probabilities[order] >= LEAST]
    # In ten thousandths: the network's noise is larger, and whoever reads it sees what counts.
    return tuple(Class(int(i), round(float(probabilities[i]), 4)) for i in kept)
