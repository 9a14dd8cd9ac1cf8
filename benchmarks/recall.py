"""Fast scan on embeddings of real faces: python -m benchmarks.recall PHOTOS

    python -m benchmarks.recall PHOTOS [--rows N] [--embedder NAME] [--embeddings FILE.npz]

All faces of the photographs below PHOTOS, each embedded again and again as other photographs
would show it (benchmarks/augmented.py). The constants of indexes/search/ann.py and
indexes/search/fastscan.py rest on what this prints. FILE.npz keeps the embeddings (5 CPU ms each)
for the next run: it is read if it is there and written if not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import augmented
from benchmarks.made import recall
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.indexes.search import fastscan
from retrieve.indexes.search.ann import nearest
from retrieve.indexes.search.directions import Codes
from retrieve.types import Embeddings

Faces = NDArray[np.int32]  # (N,) which face a row shows

PROBES = 500
TIMED = 100
ROUNDS = 5
CANDIDATES = (10, 20, 30, 50, 100, 200, 400, 800, 1600)
SIZES = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
COPY = 0.99  # score of two unchanged faces from which on one is a copy of the other
CODES = (48, 64, 80)  # of one direction each, beside those that are chosen


def ms(search: Callable[[Embeddings], object], probes: Embeddings) -> float:
    """CPU milliseconds for one probe, best of some rounds."""
    best = np.inf
    for _ in range(ROUNDS):
        before = time.process_time()
        for i in range(TIMED):
            search(probes[i : i + 1])
        best = min(best, (time.process_time() - before) * 1e3 / TIMED)
    return float(best)


def scores(gallery: Embeddings, faces: Faces) -> str:
    """How alike crops of one face and of two faces are, on a sample."""
    rows = np.random.default_rng(0).choice(len(gallery), 2000, replace=False)
    product = gallery[rows] @ gallery[rows].T
    same = faces[rows][:, None] == faces[rows]
    np.fill_diagonal(same, False)
    other = ~same
    np.fill_diagonal(other, False)
    return f"{product[same].mean():.4f} of one face, {product[other].mean():.4f} of two"


def agreement(gallery: Embeddings, probes: Embeddings, index: fastscan.FastScan) -> None:
    """recall@k and time of the search with candidates, constants as they are."""
    for k in (1, 10, 100):
        exact = nearest(gallery, probes, k)[1]
        found = nearest(gallery, probes, k, index=index)[1]
        took = ms(lambda probe, k=k: nearest(gallery, probe, k, index=index), probes)  # type: ignore[misc]
        print(f"recall@{k:<4} {recall(found, exact):.5f}   {took:.2f} ms")


def by_candidates(
    name: str, exact: NDArray[np.int64], probes: Embeddings, index: fastscan.FastScan
) -> None:
    """The share of the ten nearest among n candidates."""
    found = index.candidates(probes, max(CANDIDATES))
    line = "  ".join(f"{recall(found[:, :n], exact):.4f}" for n in CANDIDATES)
    print(f"{name:30} {line}")


def crossover(gallery: Embeddings, probes: Embeddings) -> None:
    """From where on the index is faster than scoring all rows."""
    print(f"\n{'rows':>8} {'MB':>7} {'exact ms':>9} {'index ms':>9} {'build CPU s':>12}")
    for rows in [size for size in SIZES if size < len(gallery)] + [len(gallery)]:
        part = gallery[:rows]
        before = time.process_time()
        index = fastscan.train(part)
        build = time.process_time() - before
        exact = ms(lambda probe, part=part: nearest(part, probe, 10), probes)  # type: ignore[misc]
        ours = ms(
            lambda probe, part=part, index=index: nearest(part, probe, 10, index=index),  # type: ignore[misc]
            probes,
        )
        print(f"{rows:8} {part.nbytes / 1e6:7.1f} {exact:9.3f} {ours:9.3f} {build:12.2f}")


def load(options: argparse.Namespace) -> tuple[Embeddings, Faces]:
    file: Path | None = options.embeddings
    if file is not None and file.exists():
        with np.load(file) as kept:
            return kept["embeddings"], kept["faces"]
    before = time.process_time()
    found, faces = augmented.embeddings(options.photos, options.rows, embedder=options.embedder)
    print(f"embedded in {time.process_time() - before:.0f} CPU s")
    if file is not None:
        np.savez(file, embeddings=found, faces=faces)
    return found, faces


def distinct(found: Embeddings, faces: Faces) -> NDArray[np.bool_]:
    """(N,) whether a row shows a face of which no earlier file is a copy."""
    count = int(faces.max()) + 1
    unchanged = found[:count]
    earlier = np.tril(unchanged @ unchanged.T, -1)
    first = np.asarray((earlier < COPY).all(axis=1))
    mask: NDArray[np.bool_] = first[faces]
    return mask


def split(found: Embeddings, faces: Faces) -> tuple[Embeddings, Embeddings, Faces, Faces]:
    """gallery and probes, and the faces that each shows."""
    order = np.random.default_rng(1).permutation(len(found))
    asked, stored = order[:PROBES], order[PROBES:]
    return found[stored], found[asked], faces[stored], faces[asked]


def drift(gallery: Embeddings, probes: Embeddings, shown: Faces, asked: Faces) -> None:
    """Centroids of some people, codes of others: what candidates of later people hold."""
    count = int(shown.max()) + 1
    first = shown < count // 2
    ordered = np.concatenate([gallery[first], gallery[~first]])
    late = probes[asked >= count // 2]
    exact = nearest(ordered, late, 10)[1]
    for name, rows in (
        ("trained on all, late asked", len(ordered)),
        ("trained on the first half", int(first.sum())),
        ("trained on a twentieth", len(ordered) // 20),
    ):
        index = fastscan.train(ordered[:rows])
        index.extend(ordered)
        by_candidates(name, exact, late, index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--embedder", default=DEFAULT_EMBEDDER)
    parser.add_argument("--embeddings", type=Path, metavar="FILE.npz")
    found, faces = load(parser.parse_args())
    once = distinct(found, faces)
    for name, rows in (("each face once", once), ("with copies of files", np.ones_like(once))):
        gallery, probes, shown, asked = split(found[rows], faces[rows])
        print(
            f"\n{name}: {len(gallery)} × {gallery.shape[1]}, {len(np.unique(shown))} faces; "
            f"mean score {scores(gallery, shown)}"
        )
        agreement(gallery, probes, fastscan.train(gallery))
        exact = nearest(gallery, probes, 10)[1]
        print(f"{'the ten nearest among so many':30} " + "  ".join(f"{n:6}" for n in CANDIDATES))
        for codes in (None, *(Codes(count, 1) for count in CODES)):
            index = fastscan.train(gallery, codes=codes)
            name = f"{index.index.pq.M} codes of {index.index.pq.dsub}"
            by_candidates(name + ("" if codes else ", ours"), exact, probes, index)
        drift(gallery, probes, shown, asked)
    crossover(gallery, probes)


if __name__ == "__main__":
    main()
