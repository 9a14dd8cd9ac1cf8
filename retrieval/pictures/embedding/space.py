"""Features of the network → embeddings: whitened, and fewer numbers.

All features are 0 or more, so that any two photos score high; and what many photos have in common
counts most. Roots are taken of them, moved to their mean over many photos and whitened, so that
different photos are all but orthogonal (retrieve.training.pictures.space says how, and whose the
idea is). Of a gallery of things, everyday life and portraits at 5 in 100,000 pairs of different
ones .54 of changed photos are over the threshold with the features as they are, .78 when they are
centred, .85 their roots, and .98 so (python -m benchmarks.pictures).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.pictures.embedding.classes import DATA
from retrieve.types import Embeddings

FILE = DATA / "space.safetensors"
TINY = 1e-12  # of a photo that is the very middle: it gets a direction, whichever


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """How features become embeddings.

    mean        (1280,) of the roots of features
    directions  (1280, D) axes of their spread, each the longer the smaller that is
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    @property
    def dim(self) -> int:
        """D of the embeddings."""
        return int(self.directions.shape[1])

    def embeddings(self, features: NDArray[np.float32]) -> Embeddings:
        """(N, 1280) features of 0 and more → (N, D) float32 rows of length 1."""
        moved = (np.sqrt(features) - self.mean) @ self.directions
        short = np.linalg.norm(moved, axis=1) < TINY
        moved[short, 0] = 1.0
        unit: Embeddings = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
        return unit


@cache
def shipped() -> Space:
    """The one that the collections here are made with.

    raises  WeightsError if it is damaged
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(_content())
        found = Space(arrays["mean"], arrays["directions"].astype(np.float32))
    except (SafetensorError, KeyError, ValueError) as error:
        raise _damaged(str(error)) from error
    if found.mean.ndim != 1 or found.directions.shape[:1] != found.mean.shape:
        raise _damaged(f"shapes {found.mean.shape}, {found.directions.shape}")
    return found


@cache
def sha256() -> str:
    """Of the file, hexadecimal."""
    return hashlib.sha256(_content()).hexdigest()


def _content() -> bytes:
    try:
        return FILE.read_bytes()
    except OSError as error:
        raise _damaged(error.strerror or str(error)) from error


def _damaged(found: str) -> WeightsError:
    return WeightsError(f"{Path(FILE)} cannot be used: {found}. Install retrieve again")
