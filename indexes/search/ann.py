"""Nearest neighbours among mapped embeddings: all rows scored, or an index's candidates.

Exact search of float32 rows: numpy, or FAISS's inner-product kernel, reads the file's pages
in place, so nothing is built or kept that could grow stale. In a large gallery an index names
candidates first, and the kernel scores those from the same pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.indexes.search.fastscan import use_threads
from retrieve.types import Embeddings

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]
Check = Callable[[Rows | None], None]

# Measured on embeddings of real faces (python -m benchmarks.recall), drawn as those are spread
# and made ones (python -m benchmarks.search); CPU ms on one thread of a server's EPYC.
EXACT_BYTES = 64 << 20  # up to which all rows are scored: 1.8 ms, no file, nothing to go stale
# Of the ten nearest among a million drawn rows 100 candidates hold .9985, 200 all; the others are
# for embeddings that fill all their dimensions, of which each code has more to tell. Strangers
# grow with the gallery.
CANDIDATES = 400
CANDIDATES_PER_HIT = 20
SETTLING_HITS = 10  # look for so many even where fewer are wanted: one alone settles by chance
ROWS_PER_CANDIDATE = 5000
# Where thousands of rows are all but equal (one face in 30 files, 200 changes of each) their
# order by codes is chance: 400 candidates hold .9664 then, widened where a hit stands in
# their second half .9998.
WIDER = 4
# All kept rows are scored where they are fewer than this, or as many candidates do not
# settle it: 5 % of a million take 2.3 ms through the index, 3.2 listed; 3 % 2.7 and 1.9.
SMALLEST_SHARE = 1 / 20
BATCH_CANDIDATES = 1 << 22  # of several probes, held at a time: 50 MB


class CandidateIndex(Protocol):
    """Names the rows that probably score highest.

    covered  rows [0, covered) of the gallery are in it
    """

    @property
    def covered(self) -> int: ...

    def candidates(self, probes: Embeddings, n: int) -> Rows:
        """Rows (Q, n) for (Q, D) probes, the likeliest first, -1 where there are fewer."""
        ...


def believe(rows: Rows | None) -> None:
    """Of a gallery that is in memory nothing has to be looked at."""


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
    check: Check = believe,
    scattered: Embeddings | None = None,
) -> tuple[Scores, Rows]:
    """The k rows of the gallery with the highest cosine score for each probe, best first.

    gallery  (N, D) float32 unit rows
    probes   (Q, D) float32 unit rows
    keep     (N,) which rows may be found; all when None
    index    of the gallery's first rows, whose candidates are scored; rows behind them, and
             all rows when it is None, are scored exactly
    check    called with the rows that are going to be scored, None for all
    scattered
             the gallery once more, mapped for candidates, which lie here and there
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
        check(None if keep is None else _kept_rows(N, keep))
        return _exact(gallery, probes, k, keep)
    covered = min(index.covered, N)
    head, tail = (None, None) if keep is None else (keep[:covered], keep[covered:])
    scattered = gallery if scattered is None else scattered
    scores, rows = _indexed(gallery[:covered], scattered, probes, k, head, index, check)
    if covered < N:
        check(covered + _kept_rows(N - covered, tail))
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
    Q, (N, D) = len(probes), gallery.shape
    kept = N if keep is None else int(np.count_nonzero(keep))
    k = min(k, kept)
    scores, rows = np.empty((Q, k), np.float32), np.empty((Q, k), np.int64)
    if Q == 0 or k == 0:
        return scores, rows
    if Q == 1 and gallery.nbytes <= EXACT_BYTES:
        return _by_numpy(gallery, probes, k, keep)
    import faiss

    selector, _selected = (None, None) if keep is None or kept == N else _selector(keep, kept)
    use_threads(Q)
    at = faiss.swig_ptr
    faiss.knn_inner_product(at(probes), at(gallery), D, Q, N, k, at(scores), at(rows), selector)
    return _best(scores, rows, k)


def _by_numpy(
    gallery: Embeddings, probes: Embeddings, k: int, keep: NDArray[np.bool_] | None
) -> tuple[Scores, Rows]:
    """_exact() for one probe and k rows or more that are kept.

    As fast as FAISS (.4 ms for 16 MB), which a new process would import for .06 CPU s.
    """
    # Not by BLAS, whose sums depend on where a row stands: equal rows have equal scores.
    every = np.einsum("nd,d->n", gallery, probes[0])
    scores = every if keep is None else every[keep]
    least = np.partition(scores, -k)[-k]
    best = np.flatnonzero(scores >= least)
    rows = best if keep is None else np.flatnonzero(keep)[best]
    return _best(scores[best][None], rows[None], k)


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
    scattered: Embeddings,
    probes: Embeddings,
    k: int,
    keep: NDArray[np.bool_] | None,
    index: CandidateIndex,
    check: Check,
) -> tuple[Scores, Rows]:
    """Score candidates, more of them until the hits are settled; all kept rows in the end."""
    N, Q = len(gallery), len(probes)
    kept = N if keep is None else int(np.count_nonzero(keep))
    k = min(k, kept)
    n = max(CANDIDATES, CANDIDATES_PER_HIT * k, index.covered // ROWS_PER_CANDIDATE)
    n = n * index.covered // max(kept, 1)  # as many more as the filter drops
    few = int(SMALLEST_SHARE * N)
    if kept <= max(n, few):
        check(_kept_rows(N, keep))
        return _exact(scattered[:N] if kept <= n else gallery, probes, k, keep)
    scores, rows = np.empty((Q, k), np.float32), np.empty((Q, k), np.int64)
    open_probes, most = list(range(Q)), max(n, few)
    while open_probes and n <= most:
        again, batch = [], max(1, BATCH_CANDIDATES // n)
        for start in range(0, len(open_probes), batch):
            asked = open_probes[start : start + batch]
            for i, named in zip(asked, index.candidates(probes[asked], n), strict=True):
                found = named[(named >= 0) & (named < N)]
                found = found if keep is None else found[keep[found]]
                check(found)
                scored = _scored(scattered, probes[i], found, k)
                if scored is None:
                    again.append(i)
                else:
                    scores[i], rows[i] = scored
        open_probes, n = again, WIDER * n
    if open_probes:
        check(_kept_rows(N, keep))
        scores[open_probes], rows[open_probes] = _exact(gallery, probes[open_probes], k, keep)
    return scores, rows


def _scored(
    gallery: Embeddings, probe: NDArray[np.float32], named: Rows, k: int
) -> tuple[Scores, Rows] | None:
    """Scores and rows (k,) of the best of some rows, by the kernel of the exact search.

    named    best first, as far as the index can tell
    returns  None if there are too few, or one of the best stands in their second half: then
             others as good may stand behind them
    """
    import faiss

    hits = max(k, SETTLING_HITS)
    if len(named) < hits:
        return None
    api: Any = faiss  # its type stubs lack this function
    at = api.swig_ptr
    places = np.argsort(named)
    rows = named[places]
    scores = np.empty(len(rows), np.float32)
    api.fvec_inner_products_by_idx(
        at(scores), at(probe), at(gallery), at(rows), gallery.shape[1], 1, len(rows)
    )
    best = np.argsort(-scores, kind="stable")[:hits]
    if 2 * int(places[best].max()) >= len(named):
        return None
    return scores[best[:k]], rows[best[:k]]


def _kept_rows(N: int, keep: NDArray[np.bool_] | None) -> Rows:
    return np.arange(N) if keep is None else np.flatnonzero(keep)


def _best(scores: Scores, rows: Rows, k: int) -> tuple[Scores, Rows]:
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
