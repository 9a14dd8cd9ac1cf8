"""Nearest neighbours by FAISS over mapped vectors.

Exact search of float32 rows: FAISS's inner-product kernel reads the file's pages in place,
so nothing is built, loaded or kept beside the vectors that could grow stale. 8-bit rows are
searched as they are, very many of them through 4-bit product quantization first (André et
al. 2015, "Cache locality is not enough"), and the best are scored again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.types import Embeddings

CHUNK_ROWS = 1 << 16  # 32 MB of 128-d rows: what a filtered search copies at most at a time
SINGLE_THREAD_PROBES = 16  # a second thread slows few probes down, up to 13 times under load


def nearest(
    gallery: Embeddings, probes: Embeddings, k: int, *, keep: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The k rows of the gallery with the highest cosine score for each probe, best first.

    gallery  (N, D) float32 unit rows
    probes   (Q, D) float32 unit rows
    keep     (N,) which rows may be found; all when None
    returns  scores (Q, k) and rows (Q, k); k shrinks to the number of rows kept;
             equal scores stand in the order of their rows
    """
    import faiss

    Q = len(probes)
    scores = np.empty((Q, 0), np.float32)
    rows = np.empty((Q, 0), np.int64)
    if Q == 0:
        return scores, rows
    faiss.omp_set_num_threads(1 if Q < SINGLE_THREAD_PROBES else faiss.omp_get_max_threads())
    for start in range(0, len(gallery), CHUNK_ROWS):
        chunk = gallery[start : start + CHUNK_ROWS]
        kept = None if keep is None else np.flatnonzero(keep[start : start + CHUNK_ROWS])
        if kept is not None and len(kept) < len(chunk):
            chunk = chunk[kept]
        if len(chunk) == 0:
            continue
        found_scores, found = faiss.knn(
            probes, chunk, min(k, len(chunk)), metric=faiss.METRIC_INNER_PRODUCT
        )
        found = (found if kept is None else kept[found]) + start
        scores = np.concatenate([scores, found_scores], axis=1)
        rows = np.concatenate([rows, found], axis=1)
        best = np.lexsort((rows, -scores), axis=1)[:, :k]
        scores = np.take_along_axis(scores, best, axis=1)
        rows = np.take_along_axis(rows, best, axis=1)
    return scores, rows


EXACT_CODES = 250_000  # rows of 8-bit codes up to which all are scored: 5 ms at 200-d
ZERO = 128  # the code of 0
SUBVECTOR = 4  # dimensions that one 4-bit code of product quantization stands for
TRAINING_ROWS = 65_536
AGAIN = 24  # candidates for each hit wanted that are scored again after fast scan
FEWEST_AGAIN = 600  # of the shipped words' ten nearest .98 are found so, of clustered ones all


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
        self._index = _flat(codes) if product is None else _fast_scan(*product)
        self._again = 1 if product is None else AGAIN
        self._fewest = 16 if product is None else FEWEST_AGAIN

    def nearest(self, probes: Embeddings, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows (Q, k) of the highest cosine scores for (Q, D) probes, best first."""
        import faiss

        N = len(self._codes)
        faiss.omp_set_num_threads(
            1 if len(probes) < SINGLE_THREAD_PROBES else faiss.omp_get_max_threads()
        )
        # The norm of a row's codes strays by a part in a thousand: a few more settle it.
        wanted = min(N, max(self._again * k, self._fewest + k))
        _, found = self._index.search(np.ascontiguousarray(probes, np.float32), wanted)
        found.sort(axis=1)
        scores = np.empty(found.shape, np.float32)
        for i, rows in enumerate(found):
            steps = self._codes[rows].astype(np.float32) - ZERO
            scores[i] = (steps @ probes[i]) * self._scales[rows]
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, best, axis=1), np.take_along_axis(found, best, axis=1)


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
    quantizer.train(_padded(codes[rows], scales[rows], M * SUBVECTOR))
    blocks = [
        quantizer.compute_codes(
            _padded(codes[i : i + CHUNK_ROWS], scales[i : i + CHUNK_ROWS], M * SUBVECTOR)
        )
        for i in range(0, N, CHUNK_ROWS)
    ]
    centroids = faiss.vector_to_array(quantizer.centroids).reshape(M, 16, SUBVECTOR)
    return np.concatenate(blocks), centroids.copy()


def _padded(codes: NDArray[np.uint8], scales: NDArray[np.float32], width: int) -> Embeddings:
    rows = (codes.astype(np.float32) - ZERO) * scales[:, None]
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, width - rows.shape[1]))))


def _flat(codes: NDArray[np.uint8]) -> Any:
    import faiss

    index = faiss.IndexScalarQuantizer(
        codes.shape[1], faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    faiss.copy_array_to_vector(np.ascontiguousarray(codes).ravel(), index.codes)
    index.ntotal = len(codes)
    index.is_trained = True
    return index


class _Padding:
    """A fast-scan index whose probes get zeros up to its width."""

    def __init__(self, index: Any) -> None:
        self._index = index

    def search(self, probes: Embeddings, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        width = self._index.d - probes.shape[1]
        found: tuple[NDArray[np.float32], NDArray[np.int64]] = self._index.search(
            np.ascontiguousarray(np.pad(probes, ((0, 0), (0, width)))), k
        )
        return found


def _fast_scan(codes: NDArray[np.uint8], centroids: NDArray[np.float32]) -> _Padding:
    import faiss

    M, _, width = centroids.shape
    index = faiss.IndexPQ(M * width, M, 4, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(np.ascontiguousarray(centroids).ravel(), index.pq.centroids)
    faiss.copy_array_to_vector(np.ascontiguousarray(codes).ravel(), index.codes)
    index.ntotal = len(codes)
    index.is_trained = True
    packed: Any = faiss.IndexPQFastScan
    return _Padding(packed(index))
