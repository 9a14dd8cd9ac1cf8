"""How fast made faces are grouped beside others' clustering, and how well; each in a process with
one thread.

People have as many photographs as in an album: a few have hundreds, most have some. Their
embeddings are drawn with the spread of real people and of one person's photographs
(benchmarks/strangers.py).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.strangers import Moments, People
from retrieve.evaluation.clusters import clusters
from retrieve.types import Embeddings

Method = Callable[[Embeddings], NDArray[np.int64]]

MOST = 500  # photographs of one person
TAIL = 1.1  # of Pareto's distribution: one person in 13 has ten photographs or more
# As published for faces: small groups count (facts: HDBSCAN (min 2, 3, eom)).
SMALLEST, NEAR = 2, 3
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
TIMED = """
import json, resource, sys, time
import numpy as np
rows, method, out = np.load(sys.argv[1]), sys.argv[2], sys.argv[3]
from benchmarks.clusters.made import METHODS
run = METHODS[method]()
before, started = time.process_time(), time.perf_counter()
labels = run(rows)
cpu, wall = time.process_time() - before, time.perf_counter() - started
np.save(out, labels)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([cpu, wall, peak]))
"""


def album(moments: Moments, hardness: float, faces: int) -> tuple[Embeddings, NDArray[np.int64]]:
    """So many faces, and whose each is, in an order by chance."""
    rng = np.random.default_rng(0)
    who = whose(faces, rng)
    return People(moments, int(who.max()) + 1, hardness=hardness).photos(who, rng), who


def whose(faces: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(faces,) of whom each is, people numbered from 0, in an order by chance."""
    sizes = np.minimum(1 + rng.pareto(TAIL, faces).astype(np.int64), MOST)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), faces)) + 1]
    return rng.permutation(np.repeat(np.arange(len(sizes)), sizes)[:faces])


def beside(moments: Moments, hardness: float, faces: int, methods: list[str], limit_s: int) -> None:
    """Prints CPU and wall seconds, peak memory and pair F1 of each method on the same faces.

    limit_s  CPU seconds after which one is stopped
    """
    rows, who = album(moments, hardness, faces)
    people = who.astype(str).tolist()
    print(f"{faces} faces of {len(set(people))} people", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "rows.npy", rows)
        for method in methods:
            out = Path(folder) / "labels.npy"
            done = subprocess.run(
                [sys.executable, "-c", TIMED, Path(folder) / "rows.npy", method, out],
                capture_output=True,
                text=True,
                env=os.environ | ONE_THREAD,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 9)),
            )
            if done.returncode == -signal.SIGXCPU:
                print(f"  {method}: not done after {limit_s} CPU s", flush=True)
                continue
            if done.returncode:
                raise RuntimeError(f"{method} ended with {done.returncode}: {done.stderr}")
            cpu, wall, peak = json.loads(done.stdout.splitlines()[-1])
            found = clusters(np.load(out), people)
            print(
                f"  {method}: {cpu:.1f} CPU s, {wall:.1f} s, {peak:.0f} MB; pair F1 "
                f"{found.pairs.f1:.4f} (precision {found.pairs.precision:.4f}, recall "
                f"{found.pairs.recall:.4f}), B-cubed {found.bcubed.f1:.4f}, {found.impure} impure "
                f"of {found.groups}",
                flush=True,
            )


def _ours() -> Method:
    from retrieve.faces import calibration
    from retrieve.faces.detection.detect import DEFAULT_DETECTOR
    from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
    from retrieve.indexes.people.groups.grouping import group
    from retrieve.indexes.people.groups.thresholds import thresholds_among

    path = calibration.SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{calibration.SUFFIX}"
    shipped = calibration.load(path)

    def run(rows: Embeddings) -> NDArray[np.int64]:
        N = len(rows)
        limits = thresholds_among(shipped, N)
        return group(rows, np.ones(N, np.float32), np.arange(N), limits).labels

    return run


def _alone(labels: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """What others call noise is a face that is in no group: each has one of its own."""
    found = labels.astype(np.int64)
    noise = np.flatnonzero(found < 0)
    found[noise] = found.max() + 1 + np.arange(len(noise))
    return found


def _sklearn() -> Method:
    """All distances at once: in so many dimensions its tree looks at nearly all rows as well, and
    was stopped after 3.6 CPU minutes at 20,000 faces.
    """
    from sklearn.cluster import HDBSCAN

    return lambda rows: _alone(
        HDBSCAN(
            min_cluster_size=SMALLEST, min_samples=NEAR, algorithm="brute", copy=False
        ).fit_predict(rows)
    )


def _fast() -> Method:
    import fast_hdbscan

    few = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    own = {"min_cluster_size": SMALLEST, "min_samples": NEAR}
    fast_hdbscan.HDBSCAN(**own).fit_predict(few)  # compiles
    return lambda rows: _alone(fast_hdbscan.HDBSCAN(**own).fit_predict(rows))


def _fast_graph() -> Method:
    """On the distances of our graph of nearest neighbours, so that it need not look for them."""
    import fast_hdbscan
    from scipy import sparse

    from retrieve.indexes.people.groups.graph import edges

    def run(rows: Embeddings) -> NDArray[np.int64]:
        near, N = edges(rows, -1.0), len(rows)
        apart = np.sqrt(np.maximum(2 - 2 * near.scores.astype(np.float64), 1e-12))
        ends = np.concatenate([near.a, near.b]), np.concatenate([near.b, near.a])
        distances = sparse.csr_matrix((np.tile(apart, 2), ends), shape=(N, N))
        return _alone(
            fast_hdbscan.HDBSCAN(
                min_cluster_size=SMALLEST,
                min_samples=NEAR,
                metric="precomputed",
                algorithm="kruskal",
            ).fit_predict(distances)
        )

    run(np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32))  # compiles
    return run


METHODS = {
    "ours": _ours,
    "scikit-learn": _sklearn,
    "fast-hdbscan": _fast,
    "fast-hdbscan on our graph": _fast_graph,
}
