"""An embedder whose unit vectors a trained matrix turns: its cosines weigh dimensions anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieve.faces.embedding.embedder import Embedder, unit_rows
from retrieve.types import Crops, Embeddings


class Headed:
    """A head on an embedder.

    name            its own
    dim             K
    weights_sha256  of the head's file, which states that of the embedder below
    parts           the networks below, each of which takes crops of its own
    """

    def __init__(
        self,
        name: str,
        weights_sha256: str,
        parts: Sequence[Embedder],
        below: Callable[[tuple[Crops, ...]], Embeddings],
        head: NDArray[np.float32],
    ) -> None:
        """below: crops for each part → (N, D) unit rows; head: (D, K)."""
        self.name = name
        self.dim = head.shape[1]
        self.weights_sha256 = weights_sha256
        self.parts = tuple(parts)
        self._below = below
        self._head = head

    def embed(self, crops: tuple[Crops, ...]) -> Embeddings:
        """(N, K) float32, rows of length 1.

        crops   for each part, in its order, (N, crop_px, crop_px, 3) uint8 RGB
        raises  BadInput for crops of another shape or type
        """
        return turned(self._below(crops), self._head)


def turned(embeddings: Embeddings, head: NDArray[np.float32]) -> Embeddings:
    """(N, D) unit rows → (N, K) unit rows."""
    return unit_rows(embeddings @ head)
