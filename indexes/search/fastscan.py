"""A small, inexact index of many embeddings: 4-bit product quantization, scanned in registers.

Rows are turned into the directions in which they differ most (indexes/search/directions.py);
each of those, or some of them together, becomes one of 16 centroids, and the sums of a probe's
tables over all rows are made with byte shuffles (André et al. 2015, "Cache locality is not
enough"; Jégou et al. 2011, "Product quantization for nearest neighbor search"). What it finds
are candidates: indexes/search/ann.py scores them again from the embeddings themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.indexes.search import gpu
from retrieve.indexes.search.directions import Codes, fewest_codes, spread, turn
from retrieve.types import Embeddings

TRAINING_ROWS = 4096  # FAISS takes 256 for each centroid; 16 times as many find no more
FEWEST_ROWS = 16  # as many centroids has each sub-quantizer
BLOCK_ROWS = 1 << 16  # added at a time: 32 MB of 128-d rows
# Times the rows of the training at which to train anew. Of 14,500 pictures of real faces 30
# candidates hold .9977 of the ten nearest, .9954 with directions and centroids of a twentieth of
# the rows and other people's, 100 hold all of them (python -m benchmarks.recall).
GROWTH = 20
SINGLE_THREAD_PROBES = 16  # a second thread slows few probes down, up to 13 times under load


class FastScan:
    """4-bit codes of the first rows of a gallery.

    index         faiss.IndexPQFastScan of metric inner product, of K dimensions
    trained_rows  rows there were when the centroids were chosen
    turned        (D, K) float32, what rows are multiplied by before they are coded; None for
                  rows of K dimensions or fewer that are coded as they are
    """

    def __init__(
        self, index: Any, *, trained_rows: int, turned: NDArray[np.float32] | None = None
    ) -> None:
        self.index = index
        self.trained_rows = trained_rows
        self.turned = turned

    @property
    def covered(self) -> int:
        """Rows [0, covered) of the gallery are in it."""
        return int(self.index.ntotal)

    def candidates(self, probes: Embeddings, n: int) -> NDArray[np.int64]:
        """Rows (Q, n) that probably score highest for (Q, D) probes, -1 where there are fewer."""
        use_threads(len(probes))
        found: NDArray[np.int64] = self.index.search(self._coded(probes), n)[1]
        return found

    def extend(
        self, gallery: Embeddings, *, progress: Callable[[int], object] | None = None
    ) -> None:
        """Take in rows [covered, len(gallery)) with the centroids there are.

        progress  called with the rows covered so far
        """
        use_threads(BLOCK_ROWS)
        self.index.pq.sync_transposed_centroids()  # FAISS codes single numbers 4 times as fast
        for start in range(self.covered, len(gallery), BLOCK_ROWS):
            self.index.add(self._coded(gallery[start : start + BLOCK_ROWS]))
            if progress:
                progress(self.covered)

    def _coded(self, rows: Embeddings) -> Embeddings:
        """(N, D) → (N, K), the rows as the centroids know them."""
        return padded(rows if self.turned is None else rows @ self.turned, self.index.d)

    def stale(self, rows: int, dead: int) -> bool:
        """Whether to train anew, now that there are `rows`, `dead` of them not to be found.

        Dead rows alone are no reason: they keep their places in the gallery, so a new
        training would hold them too. The search passes over them; compaction drops them.
        """
        return rows - dead > GROWTH * self.trained_rows


def train(
    gallery: Embeddings,
    *,
    seed: int = 1,
    device: str = "cpu",
    codes: Codes | None = None,
    progress: Callable[[int], object] | None = None,
) -> FastScan:
    """Choose directions and centroids from a sample of the gallery and take all its rows in.

    gallery   (N, D) float32 unit rows, 16 or more; read in blocks
    codes     of a row; None takes the fewest that tell strangers apart
    device    cpu, or cuda: where centroids are chosen
    progress  called with the rows covered so far
    raises    BadInput for fewer rows; with cuda as retrieve.indexes.search.gpu.open_gpu()
    """
    import faiss

    N = len(gallery)
    if N < FEWEST_ROWS:
        raise BadInput(f"wanted {FEWEST_ROWS} embeddings or more for an index; got {N}")
    size = min(N, TRAINING_ROWS)
    chosen = np.sort(np.random.default_rng(seed).choice(N, size, replace=False))
    sample = np.ascontiguousarray(gallery[chosen], np.float32)
    living = sample.any(axis=1)  # what was deleted is zeros, far from all else
    if np.count_nonzero(living) >= FEWEST_ROWS:
        sample = sample[living]
    lie = spread(sample)
    codes = codes or fewest_codes(lie)
    index = faiss.IndexPQFastScan(codes.dim, codes.count, 4, faiss.METRIC_INNER_PRODUCT)
    index.pq.cp.seed = seed
    index.pq.cp.min_points_per_centroid = 1  # else faiss prints a warning
    made = FastScan(index, trained_rows=N, turned=turn(lie, codes, seed=seed))
    use_threads(size)
    assign, _memory = gpu.assigner(codes.width) if device == "cuda" else (None, None)
    index.pq.assign_index = assign
    index.train(made._coded(sample))
    index.pq.assign_index = None  # FAISS does not own it
    made.extend(gallery, progress=progress)
    return made


def padded(rows: Embeddings, width: int) -> Embeddings:
    """(N, D) → (N, width) contiguous float32, zeros behind what there was."""
    if rows.shape[1] < width:
        rows = np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
    return np.ascontiguousarray(rows, np.float32)


def use_threads(probes: int) -> None:
    """Let FAISS use one thread for few probes, for many as many as it began with."""
    import faiss

    most = _most_threads()
    faiss.omp_set_num_threads(1 if probes < SINGLE_THREAD_PROBES else most)


@cache
def _most_threads() -> int:
    """What OMP_NUM_THREADS or the number of cores allows; asked before anything is set."""
    import faiss

    return int(faiss.omp_get_max_threads())
