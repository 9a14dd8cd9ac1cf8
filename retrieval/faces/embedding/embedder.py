"""What every embedder is: aligned crops in, unit vectors out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.types import Crops, Embeddings

# What an object has to have to stand for an embedder.
OF_AN_EMBEDDER = ("name", "dim", "crop_px", "template", "embed")


class Embedder(Protocol):
    """Gives one unit vector for each aligned face.

    name            as a collection records it
    dim             D
    crop_px         side of the crops it takes
    weights_sha256  of the weights behind it, hexadecimal
    """

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def crop_px(self) -> int: ...

    @property
    def weights_sha256(self) -> str: ...

    def template(self, detector: str) -> NDArray[np.float32]:
        """(5, 2) x, y where that detector's landmarks belong, in crop pixels.

        raises  BadInput for a detector whose landmarks were not measured
        """
        ...

    def embed(self, crops: Crops) -> Embeddings:
        """(N, crop_px, crop_px, 3) uint8 RGB → (N, D) float32, rows of length 1; N may be 0.

        raises  BadInput for crops of another shape or type
        """
        ...


def unit_rows(raw: NDArray[np.float32]) -> Embeddings:
    """(N, D) → the same directions in length 1."""
    rows: Embeddings = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return rows
