"""Nearest neighbours among mapped embeddings: all rows scored, or an index's candidates.

Exact search of float32 rows: FAISS's inner-product kernel reads the file's pages in place,
so nothing is built or kept that could grow stale. In a large gallery an index names
candidates first, and the same kernel scores those from the same pages.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexes.fastscan import use_threads
from retrieval.errors import BadInput
from retrieval.types import Embeddings

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]

EXACT_BYTES = 128 << 20  # of embeddings, up to which all are scored
CANDIDATES = 400  # that are scored again, at least
CANDIDATES_PER_HIT = 20
FILTERED_EXCESS = 2  # times the candidates that a filter lets through on average
SMALLEST_KEPT_SHARE = 1 / 20  # of the rows; where fewer are kept, they are all scored
BATCH_CANDIDATES = 1 << 22  # of several probes, held at a time: 50 MB


class CandidateIndex(Protocol):
    """Names the rows that probably score highest.

    covered  rows [0, covered) of the gallery are in it
    """

    @property
    def covered(self) -> int: ...

    def candidates(self, probes: Embeddings, n: int) -> Rows:
        """Rows (Q, n) for (Q, D) probes, -1 where there are fewer."""
        ...


def wants_index(rows: int, dim: int) -> bool:
    """Whether a gallery of that size is searched faster through an index."""
    return rows * dim * 4 > EXACT_BYTES


def nearest(
    gallery: Embeddings,
    probes: Embeddings,
    k: int,
    *,
    keep: NDArray[np.bool_] | None = None,
    index: CandidateIndex | None = None,
) -> tuple[Scores, Rows]:
    """The k rows of the gallery with the highest cosine score for each probe, best first.

    gallery  (N, D) float32 unit rows
    probes   (Q, D) float32 unit rows
    keep     (N,) which rows may be found; all when None
    index    of the gallery's first rows, whose candidates are scored; rows behind them, and
             all rows when it is None, are scored exactly
    returns  scores (Q, k) and rows (Q, k); k shrinks to the number of rows kept, with an
             index too; equal scores stand in the order of their rows
    raises   BadInput for probes of another D, or a keep of another N
    """
    N, D = gallery.shape
    if probes.ndim != 2 or probes.shape[1] != D:
        raise BadInput(f"wanted probes of shape (Q, {D}); got {probes.shape}")
    if keep is not None and keep.shape != (N,):
        raise BadInput(f"wanted one entry of keep for each of {N} rows; got {keep.shape}")
    gallery = np.ascontiguousarray(gallery, np.float32)
    probes = np.ascontiguousarray(probes, np.float32)
    if index is None:
        return _exact(gallery, probes, k, keep)
    covered = min(index.covered, N)
    head, tail = (None, None) if keep is None else (keep[:covered], keep[covered:])
    scores, rows = _indexed(gallery[:covered], probes, k, head, index)
    if covered < N:
        late_scores, late = _exact(gallery[covered:], probes, k, tail)
        scores, rows = _best(
            np.concatenate([scores, late_scores], axis=1),
            np.concatenate([rows, late + covered], axis=1),
            k,
        )
    return scores, rows


def _exact(
    gallery: Embeddings, probes: Embeddings, k: int, keep: NDArray[np.bool_] | None
) -> tuple[Scores, Rows]:
    """Score every row that is kept, where it lies."""
    import faiss

    Q, (N, D) = len(probes), gallery.shape
    kept = N if keep is None else int(np.count_nonzero(keep))
    k = min(k, kept)
    scores, rows = np.empty((Q, k), np.float32), np.empty((Q, k), np.int64)
    if Q == 0 or k == 0:
        return scores, rows
    selector, _selected = (None, None) if keep is None or kept == N else _selector(keep, kept)
    use_threads(Q)
    at = faiss.swig_ptr
    faiss.knn_inner_product(at(probes), at(gallery), D, Q, N, k, at(scores), at(rows), selector)
    return _best(scores, rows, k)


def _selector(keep: NDArray[np.bool_], kept: int) -> tuple[Any, Any]:
    """FAISS's view of keep, and the array that it points into, to be held as long."""
    import faiss

    # A bitmap is asked for every row, a list jumps: the list is faster up to half of the rows.
    if kept <= len(keep) // 2:
        listed = np.flatnonzero(keep)
        return faiss.IDSelectorArray(kept, faiss.swig_ptr(listed)), listed
    bits = np.packbits(keep, bitorder="little")
    return faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits)), bits


def _indexed(
    gallery: Embeddings,
    probes: Embeddings,
    k: int,
    keep: NDArray[np.bool_] | None,
    index: CandidateIndex,
) -> tuple[Scores, Rows]:
    """Score the index's candidates; all kept rows where these are few, or too few were named."""
    N, Q = len(gallery), len(probes)
    kept = N if keep is None else int(np.count_nonzero(keep))
    enough = min(kept, max(CANDIDATES, CANDIDATES_PER_HIT * k))
    n = enough
    if kept < index.covered:
        n = min(index.covered, FILTERED_EXCESS * enough * index.covered // max(kept, 1))
    if kept <= max(n, SMALLEST_KEPT_SHARE * N):
        return _exact(gallery, probes, k, keep)
    k = min(k, kept)
    scores, rows = np.empty((Q, k), np.float32), np.empty((Q, k), np.int64)
    short = []
    batch = max(1, BATCH_CANDIDATES // n)
    for start in range(0, Q, batch):
        for i, named in enumerate(index.candidates(probes[start : start + batch], n), start):
            found = named[(named >= 0) & (named < N)]
            if keep is not None:
                found = found[keep[found]]
            if len(found) < enough:
                short.append(i)
            else:
                scores[i], rows[i] = _scored(gallery, probes[i], found, k)
    if short:
        scores[short], rows[short] = _exact(gallery, probes[short], k, keep)
    return scores, rows


def _scored(gallery: Embeddings, probe: NDArray[np.float32], rows: Rows, k: int) -> tuple[Any, Any]:
    """The best k of some rows, by the kernel of the exact search: equal to its scores."""
    import faiss

    api: Any = faiss  # its type stubs lack this function
    rows.sort()
    scores = np.empty(len(rows), np.float32)
    at = api.swig_ptr
    api.fvec_inner_products_by_idx(
        at(scores), at(probe), at(gallery), at(rows), gallery.shape[1], 1, len(rows)
    )
    best = np.argsort(-scores, kind="stable")[:k]
    return scores[best], rows[best]


def _best(scores: Scores, rows: Rows, k: int) -> tuple[Scores, Rows]:
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
