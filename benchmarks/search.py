"""Search in many embeddings, beside hnswlib, usearch and numpy: python -m benchmarks.search

    python -m benchmarks.search [--rows N] [--dim D] [--peers-rows P]
    python -m benchmarks.search --photos FOLDER [--embedder NAME] [--each E] ...

One probe at a time on one thread, CPU milliseconds; engines in turn in several rounds, the
best round counts; recall@10 against exact search. The peers build for minutes, so they get
the first P rows (`pip install 'retrieve[bench]'`); --peers-rows N gives them all. Vectors
are made (benchmarks/made.py), or drawn as the embeddings of people are spread whose labelled
photographs lie below FOLDER (benchmarks/strangers.py, that of benchmarks.verification), E
photographs a person, asked for by another one; then it is told, too, what other codes than the
chosen ones would find. Real ones: benchmarks/recall.py. 10,000,000 × 128 take 5.1 GB below the
temporary folder. Each engine has one thread with OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.made import Distribution, Made, recall, write
from benchmarks.strangers import People, fitted
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.indexes.search import cache, directions, fastscan
from retrieve.indexes.search.ann import nearest
from retrieve.types import Embeddings

K = 10
PROBES = 200
ROUNDS = 3
SLOW_MS = 30.0  # an engine that takes longer gets fewer probes
KEPT = (0.9, 0.5, 0.1, 0.03, 0.01)
CANDIDATES = (100, 200, 400, 800, 1600)
HNSW = ((64, "hnswlib, ef 64"), (256, "hnswlib, ef 256"))

Engine = Callable[[Embeddings], NDArray[Any]]  # one probe (1, D) → rows (1, K)


def cpu_ms(engines: dict[str, Engine], probes: Embeddings) -> dict[str, float]:
    """Engine → CPU milliseconds a probe."""
    best = dict.fromkeys(engines, np.inf)
    few = {}
    for name, engine in engines.items():
        before = time.process_time()
        engine(probes[:1])
        few[name] = 10 if (time.process_time() - before) * 1e3 > SLOW_MS else len(probes)
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            before = time.process_time()
            for i in range(few[name]):
                engine(probes[i : i + 1])
            best[name] = min(best[name], (time.process_time() - before) * 1e3 / few[name])
    return best


def table(engines: dict[str, Engine], probes: Embeddings, exact: NDArray[np.int64]) -> None:
    times = cpu_ms(engines, probes)
    for name, engine in engines.items():
        few = min(len(probes), 10 if times[name] > SLOW_MS else len(probes))
        found = np.concatenate([engine(probes[i : i + 1]) for i in range(few)])
        print(f"{name:34} {times[name]:9.3f} ms   recall@10 {recall(found, exact[:few]):.4f}")


def anonymous_bytes() -> int:
    """Memory of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def through_file(index: fastscan.FastScan, folder: Path, dim: int) -> fastscan.FastScan:
    """Write the index, drop it, read it again; says what file and memory cost."""
    before = time.process_time()
    file = cache.write(folder, "made", 1, index)
    written = time.process_time() - before
    rows = index.covered
    del index
    held, before = anonymous_bytes(), time.process_time()
    read = cache.read(folder, file, dim)
    took = time.process_time() - before
    assert read is not None
    memory = (anonymous_bytes() - held) / rows
    print(
        f"{'index file':34} {file.size_bytes / 1e6:9.1f} MB   {file.size_bytes / rows:.1f} B a row"
    )
    print(f"{'written, hashed and read':34} {written:.2f}, {took:.2f} CPU s   {memory:.1f} B a row")
    return read


def filtered(gallery: Embeddings, probes: Embeddings, index: fastscan.FastScan) -> None:
    """Time and recall where some rows only may be found."""
    generator = np.random.default_rng(3)
    for share in KEPT:
        keep = generator.random(len(gallery)) < share
        few = probes[:30]
        exact = nearest(gallery, few, K, keep=keep)[1]
        engines: dict[str, Engine] = {
            f"ours, {share:.0%} of rows kept": lambda probe, keep=keep: nearest(  # type: ignore[misc]
                gallery, probe, K, keep=keep, index=index
            )[1]
        }
        table(engines, few, exact)


def other_codes(gallery: Embeddings, probes: Embeddings, exact: NDArray[np.int64]) -> None:
    """The share of the ten nearest among n candidates, by codes."""
    rows = np.sort(np.random.default_rng(0).choice(len(gallery), fastscan.TRAINING_ROWS))
    lie = directions.spread(np.asarray(gallery[rows]))
    chosen = directions.fewest_codes(lie)
    tried = {chosen, *(directions.Codes(chosen.count + more, 1) for more in (-8, 8))}
    tried.add(directions.Codes(-(-gallery.shape[1] // 2), 2))
    print(f"{'noise; the ten nearest among':34} " + "  ".join(f"{n:6}" for n in CANDIDATES))
    for codes in sorted(tried, key=lambda codes: (codes.width, codes.count)):
        index = fastscan.train(gallery, codes=codes)
        found = np.concatenate([index.candidates(one[None], CANDIDATES[-1]) for one in probes])
        line = "  ".join(f"{recall(found[:, :n], exact):.4f}" for n in CANDIDATES)
        name = f"{codes.count} codes of {codes.width}" + (", ours" if codes == chosen else "")
        print(f"{name:27} {directions.noise(lie, codes):6.3f} {line}")


def peers(rows: Embeddings, folder: Path) -> dict[str, Engine]:
    """hnswlib, usearch and numpy over the rows; says what building took."""
    import hnswlib
    from usearch.index import Index

    N, D = rows.shape
    before = time.process_time()
    graph = hnswlib.Index("ip", D)
    graph.init_index(N, M=16, ef_construction=200, random_seed=1)
    graph.set_num_threads(1)
    for start in range(0, N, 1 << 16):
        graph.add_items(rows[start : start + (1 << 16)])
    _built("hnswlib, M 16, ef 200", before, N, folder / "hnsw", graph.save_index)
    before = time.process_time()
    other = Index(ndim=D, metric="ip", dtype="f32")
    for start in range(0, N, 1 << 16):
        stop = min(start + (1 << 16), N)
        other.add(np.arange(start, stop), np.asarray(rows[start:stop]), threads=1)
    _built("usearch, its defaults", before, N, folder / "usearch", other.save)

    def hnsw(ef: int) -> Engine:
        def search(probe: Embeddings) -> NDArray[Any]:
            graph.set_ef(ef)
            found: NDArray[Any] = graph.knn_query(probe, K)[0]
            return found

        return search

    def by_usearch(probe: Embeddings) -> NDArray[Any]:
        return np.asarray(other.search(probe[0], K, threads=1).keys)[None].astype(np.int64)

    def by_numpy(probe: Embeddings) -> NDArray[Any]:
        scores = rows @ probe[0]
        best = np.argpartition(-scores, K)[:K]
        return best[np.argsort(-scores[best])][None]

    return {
        **{name: hnsw(ef) for ef, name in HNSW},
        "usearch": by_usearch,
        "numpy": by_numpy,
    }


def _built(name: str, before: float, rows: int, path: Path, save: Callable[[str], object]) -> None:
    took = time.process_time() - before
    save(str(path))
    size = path.stat().st_size
    print(f"{name:34} {took:9.1f} CPU s to build, {size / 1e6:.0f} MB, {size / rows:.0f} B a row")
    path.unlink()


def ours(gallery: Embeddings, index: fastscan.FastScan | None) -> Engine:
    return lambda probe: nearest(gallery, probe, K, index=index)[1]


def distribution(options: argparse.Namespace) -> Distribution:
    if options.photos is None:
        return Made(options.rows, options.dim)
    moments, hardness = fitted(options.photos, options.embedder)
    return People(moments, max(1, options.rows // options.each), hardness=hardness)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--photos", type=Path, metavar="FOLDER")
    parser.add_argument("--embedder", default=DEFAULT_EMBEDDER)
    parser.add_argument("--each", type=int, default=5, metavar="E")
    parser.add_argument("--peers-rows", type=int, default=100_000, metavar="P")
    options = parser.parse_args()
    drawn = distribution(options)
    N, D, P = options.rows, drawn.dim, min(options.peers_rows, options.rows)
    probes = drawn.sample(PROBES, 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gallery = write(drawn, N, folder / "made.f32")
        print(f"{N} × {D}, {gallery.nbytes / 1e6:.0f} MB")
        before = time.process_time()
        index = fastscan.train(gallery)
        print(f"{'index built':34} {time.process_time() - before:9.1f} CPU s")
        index = through_file(index, folder / "cache", D)
        exact = nearest(gallery, probes, K)[1]
        table({"exact": ours(gallery, None), "ours": ours(gallery, index)}, probes, exact)
        filtered(gallery, probes, index)
        if options.photos is not None:
            other_codes(gallery, probes, exact)
        if P == 0:
            return
        print(f"\nthe first {P} × {D}")
        first = np.asarray(gallery[:P])
        before = time.process_time()
        index = fastscan.train(first)
        print(f"{'ours':34} {time.process_time() - before:9.1f} CPU s to build")
        engines = {"exact": ours(first, None), "ours": ours(first, index), **peers(first, folder)}
        table(engines, probes, nearest(first, probes, K)[1])


if __name__ == "__main__":
    main()
