"""Made embeddings that stand in groups as faces do, as many as wanted, straight into a file.

1,000 topics, one identity for twenty rows, 64 latent dimensions, noise in all. Embeddings that
are spread as those of real people are: benchmarks/strangers.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.types import Embeddings

TOPICS = 1000
ROWS_OF_ONE = 20
LATENT = 64
IDENTITY, SAMPLE, NOISE = 0.5, 0.7, 0.3  # standard deviations beside the topics' 1
BLOCK_ROWS = 1 << 16


class Distribution(Protocol):
    """What embeddings are drawn from; equal arguments give equal rows."""

    dim: int

    def sample(self, count: int, stream: int) -> Embeddings:
        """(count, dim) unit rows; each stream gives others."""
        ...


class Made:
    """A Distribution of groups that nothing real stands behind."""

    def __init__(self, rows: int, dim: int, *, seed: int = 1) -> None:
        generator = np.random.default_rng(seed)
        identities = max(1, rows // ROWS_OF_ONE)
        topics = generator.standard_normal((TOPICS, LATENT), np.float32)
        self._centres = generator.standard_normal((identities, LATENT), np.float32)
        self._centres *= np.float32(IDENTITY)
        self._centres += topics[np.arange(identities) % TOPICS]
        basis = np.linalg.qr(generator.standard_normal((dim, LATENT)))[0].T
        self._basis = basis.astype(np.float32)
        self.dim, self._seed = dim, seed

    def sample(self, count: int, stream: int) -> Embeddings:
        """(count, dim) unit rows; each stream gives others."""
        generator = np.random.default_rng((self._seed, stream))
        latent = self._centres[generator.integers(0, len(self._centres), count)]
        latent += np.float32(SAMPLE) * generator.standard_normal(latent.shape, np.float32)
        rows = latent @ self._basis
        rows += np.float32(NOISE) * generator.standard_normal(rows.shape, np.float32)
        unit: Embeddings = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def write(drawn: Distribution, rows: int, path: Path) -> Embeddings:
    """So many rows into a file as indexes/vectors/file.py lays it out; mapped."""
    with path.open("wb") as file:
        for start in range(0, rows, BLOCK_ROWS):
            drawn.sample(min(BLOCK_ROWS, rows - start), start + 1).tofile(file)
    return np.memmap(path, "<f4", "r", shape=(rows, drawn.dim))


def recall(found: NDArray[np.int64], exact: NDArray[np.int64]) -> float:
    """Share of the exact rows (Q, k) among those found (Q, any), -1 for none."""
    pairs = zip(found, exact, strict=True)
    return float(np.mean([np.isin(wanted, rows).mean() for rows, wanted in pairs]))
