"""Made embeddings that stand in groups as faces do, as many as wanted, straight into a file.

1,000 topics, one identity for twenty rows, 64 latent dimensions, noise in all. Among a
million 100 candidates of fast scan hold .989 of the ten nearest. Real faces, of which
hundreds of rows show each, are harder: .697 among 110,000 (benchmarks/recall.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.types import Embeddings

TOPICS = 1000
ROWS_OF_ONE = 20
LATENT = 64
IDENTITY, SAMPLE, NOISE = 0.5, 0.7, 0.3  # standard deviations beside the topics' 1
BLOCK_ROWS = 1 << 16


class Made:
    """A distribution of embeddings; equal arguments give equal rows."""

    def __init__(self, rows: int, dim: int, *, seed: int = 1) -> None:
        generator = np.random.default_rng(seed)
        identities = max(1, rows // ROWS_OF_ONE)
        topics = generator.standard_normal((TOPICS, LATENT), np.float32)
        self._centres = generator.standard_normal((identities, LATENT), np.float32)
        self._centres *= np.float32(IDENTITY)
        self._centres += topics[np.arange(identities) % TOPICS]
        basis = np.linalg.qr(generator.standard_normal((dim, LATENT)))[0].T
        self._basis = basis.astype(np.float32)
        self._rows, self._dim, self._seed = rows, dim, seed

    def sample(self, count: int, stream: int) -> Embeddings:
        """(count, dim) unit rows; each stream gives others."""
        generator = np.random.default_rng((self._seed, stream))
        latent = self._centres[generator.integers(0, len(self._centres), count)]
        latent += np.float32(SAMPLE) * generator.standard_normal(latent.shape, np.float32)
        rows = latent @ self._basis
        rows += np.float32(NOISE) * generator.standard_normal(rows.shape, np.float32)
        unit: Embeddings = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def write(self, path: Path) -> Embeddings:
        """All rows into a file as indexes/vectors/file.py lays it out; mapped."""
        with path.open("wb") as file:
            for start in range(0, self._rows, BLOCK_ROWS):
                self.sample(min(BLOCK_ROWS, self._rows - start), start + 1).tofile(file)
        return np.memmap(path, "<f4", "r", shape=(self._rows, self._dim))


def recall(found: NDArray[np.int64], exact: NDArray[np.int64]) -> float:
    """Share of the exact rows (Q, k) among those found (Q, any), -1 for none."""
    pairs = zip(found, exact, strict=True)
    return float(np.mean([np.isin(wanted, rows).mean() for rows, wanted in pairs]))
