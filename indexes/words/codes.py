"""Nearest neighbours among unit vectors kept in 8 bits: exact, or fast scan and a second look.

8-bit rows are searched as they are, very many of them through 4-bit product quantization
first (indexes/search/fastscan.py), and the best are scored again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.search.fastscan import FastScan, padded, use_threads
from retrieve.types import Embeddings

EXACT_CODES = 250_000  # rows of 8-bit codes up to which all are scored: 5 ms at 200-d
ZERO = 128  # the code of 0
SUBVECTOR = 4  # dimensions that one 4-bit code of product quantization stands for
TRAINING_ROWS = 65_536
BLOCK_ROWS = 1 << 16  # turned into float32 at a time
AGAIN = 24  # candidates for each hit wanted that are scored again after fast scan
FEWEST_AGAIN = 600  # of the shipped words' ten nearest .98 are found so, of clustered ones all
MANY_PROBES = 512  # from which rows are turned into float32 for BLAS: a third of the time for 1,000
FEWEST_EXACT = 16  # the norm of a row's codes strays by a part in a thousand: a few more settle it


class CodeIndex:
    """Search among unit vectors kept as 8-bit codes of one step size.

    codes   (N, D) uint8, 128 + steps
    scales  (N,) float32, which make a row's steps a unit vector
    product  what `product_codes` returned for these codes, where there are very many
    """

    def __init__(
        self,
        codes: NDArray[np.uint8],
        scales: NDArray[np.float32],
        product: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
    ) -> None:
        self._codes, self._scales = codes, scales
        self._flat: Any = _flat(codes) if product is None else None
        self._scan = None if product is None else _fast_scan(*product)

    def nearest(self, probes: Embeddings, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows (Q, k) of the highest cosine scores for (Q, D) probes, best first."""
        N = len(self._codes)
        if self._scan is None:
            use_threads(len(probes))
            wanted = min(N, FEWEST_EXACT + k)
            probes = np.ascontiguousarray(probes, np.float32)
            many = len(probes) >= MANY_PROBES
            found = self._of_many(probes, wanted) if many else self._flat.search(probes, wanted)[1]
        else:
            found = self._scan.candidates(probes, min(N, max(AGAIN * k, FEWEST_AGAIN + k)))
        found.sort(axis=1)
        scores = np.empty(found.shape, np.float32)
        for i, rows in enumerate(found):
            steps = self._codes[rows].astype(np.float32) - ZERO
            scores[i] = (steps @ probes[i]) * self._scales[rows]
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, best, axis=1), np.take_along_axis(found, best, axis=1)

    def _of_many(self, probes: Embeddings, k: int) -> NDArray[np.int64]:
        """Rows (Q, k) of the highest scores, block by block in float32."""
        import faiss

        width = self._codes.shape[1]
        scores = np.empty((len(probes), 0), np.float32)
        found = np.empty((len(probes), 0), np.int64)
        for first in range(0, len(self._codes), BLOCK_ROWS):
            part = slice(first, first + BLOCK_ROWS)
            block = _vectors(self._codes[part], self._scales[part], width)
            more, rows = faiss.knn(probes, block, min(k, len(block)), faiss.METRIC_INNER_PRODUCT)
            scores, found = np.hstack([scores, more]), np.hstack([found, rows + first])
            best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            scores = np.take_along_axis(scores, best, axis=1)
            found = np.take_along_axis(found, best, axis=1)
        return found


def product_codes(
    codes: NDArray[np.uint8], scales: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
    """4-bit codes (N, bytes) and centroids (M, 16, d) for fast scan; None where N is small."""
    N, D = codes.shape
    if N <= EXACT_CODES:
        return None
    import faiss

    M = -(-D // SUBVECTOR)
    rows = np.sort(np.random.default_rng(1).choice(N, TRAINING_ROWS, replace=False))
    quantizer = faiss.ProductQuantizer(M * SUBVECTOR, M, 4)
    quantizer.train(_vectors(codes[rows], scales[rows], M * SUBVECTOR))
    blocks = [
        quantizer.compute_codes(
            _vectors(codes[i : i + BLOCK_ROWS], scales[i : i + BLOCK_ROWS], M * SUBVECTOR)
        )
        for i in range(0, N, BLOCK_ROWS)
    ]
    centroids = faiss.vector_to_array(quantizer.centroids).reshape(M, 16, SUBVECTOR)
    return np.concatenate(blocks), centroids.copy()


def _vectors(codes: NDArray[np.uint8], scales: NDArray[np.float32], width: int) -> Embeddings:
    return padded((codes.astype(np.float32) - ZERO) * scales[:, None], width)


def _flat(codes: NDArray[np.uint8]) -> Any:
    import faiss

    index = faiss.IndexScalarQuantizer(
        codes.shape[1], faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    faiss.copy_array_to_vector(np.ascontiguousarray(codes).ravel(), index.codes)
    index.ntotal = len(codes)
    index.is_trained = True
    return index


def _fast_scan(codes: NDArray[np.uint8], centroids: NDArray[np.float32]) -> FastScan:
    import faiss

    M, _, width = centroids.shape
    index = faiss.IndexPQ(M * width, M, 4, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(np.ascontiguousarray(centroids).ravel(), index.pq.centroids)
    faiss.copy_array_to_vector(np.ascontiguousarray(codes).ravel(), index.codes)
    index.ntotal = len(codes)
    index.is_trained = True
    packed: Any = faiss.IndexPQFastScan
    return FastScan(packed(index), trained_rows=len(codes))
