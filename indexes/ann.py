"""Nearest neighbours by FAISS over the mapped vector file.

Exact search: FAISS's inner-product kernel reads the file's pages in place, so nothing
is built, loaded or kept beside the vectors that could grow stale.
"""

from __future__ import annotations

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
