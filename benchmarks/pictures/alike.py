"""Pictures that were changed, found again; and what a score means."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.pictures.changes import CHANGES
from retrieve import photos
from retrieve.cache import cache_dir, replacing
from retrieve.evaluation import strangers
from retrieve.faces import calibration
from retrieve.indexes.building.jobs import LONG_SIDE_PX
from retrieve.indexes.queries.pictures import CALIBRATION, bounded
from retrieve.pictures.embedding.embed import NAME, PictureEmbedder, open_picture_embedder
from retrieve.types import Embeddings, Pixels

RATE = 5e-5  # of pairs of different photos that pass
Hashes = NDArray[np.uint8]  # (N, 64) bits


def gallery(folder: Path) -> list[Path]:
    """objects_dev, wider_dev and one photo a person of people_dev, objects first."""
    people: dict[str, Path] = {}
    with (folder / "people_dev" / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            people.setdefault(row["identity"], folder / "people_dev" / row["file"])
    return [*objects(folder), *sorted((folder / "wider_dev").rglob("*.jpg")), *people.values()]


def objects(folder: Path) -> list[Path]:
    """The photos that are changed."""
    return sorted((folder / "objects_dev").glob("*.jpg"))


def seen(paths: list[Path]) -> Iterator[Pixels]:
    """Photos as indexing sees them."""
    for path in paths:
        yield photos.read(path, long_side_px=LONG_SIDE_PX).pixels


def looked(
    embedder: PictureEmbedder, name: str, every: Iterator[Pixels]
) -> tuple[Embeddings, Hashes]:
    """Embeddings and phash of each, kept in the cache by the name and the weights."""
    import imagehash

    known = hashlib.sha256(f"{name} {embedder.weights_sha256}".encode()).hexdigest()
    kept = cache_dir() / "benchmarks" / f"pictures-{known[:16]}.npz"
    if kept.is_file():
        held = np.load(kept)
        return held["rows"], held["bits"]

    rows, bits = [], []
    for pixels in every:
        rows.append(embedder.look([pixels])[0].embedding)
        bits.append(imagehash.phash(Image.fromarray(pixels)).hash.reshape(-1))
    found = np.stack(rows), np.stack(bits).astype(np.uint8)
    with replacing(kept) as part, part.open("wb") as file:
        np.savez(file, rows=found[0], bits=found[1])
    return found


def likeness(one: Hashes, other: Hashes) -> NDArray[np.float64]:
    """Bits that are the same, of 64: higher is closer, as a cosine."""
    a, b = 2.0 * one - 1, 2.0 * other - 1
    found: NDArray[np.float64] = a @ b.T / one.shape[1]
    return found


def least(scores: NDArray[np.floating], rate: float) -> float:
    """The lowest score that no more than that share of the pairs above the diagonal exceed."""
    pairs = np.sort(scores[np.triu_indices(len(scores), 1)])[::-1]
    return float(np.nextafter(pairs[int(rate * len(pairs))], 2))


def report(folder: Path, *, write: bool = False) -> None:
    """Print the table; with write, fit the calibration."""
    embedder = open_picture_embedder()
    paths = gallery(folder)
    stored, hashes = looked(embedder, str(paths), seen(paths))
    mine = len(objects(folder))
    different = stored @ stored.T
    thresholds = least(different, RATE), least(likeness(hashes, hashes), RATE)
    print(
        f"alike, gallery of {len(paths)}; at {RATE:g} of {len(paths) * (len(paths) - 1) // 2:,} "
        f"pairs: cosine {thresholds[0]:.4f}, phash {32 * (1 - thresholds[1]):.1f} bits"
    )
    print("| change | first / over the threshold | phash |\n|---|---|---|")
    own = np.arange(mine)
    genuine: list[NDArray[np.floating]] = []
    for name, change in CHANGES.items():
        changed = (np.asarray(change(Image.fromarray(pixels))) for pixels in seen(paths[:mine]))
        rows, bits = looked(embedder, f"{name} {paths[:mine]}", changed)
        cells = []
        for scores, threshold in zip(
            (rows @ stored.T, likeness(bits, hashes)), thresholds, strict=True
        ):
            itself = scores[own, own].copy()
            scores[own, own] = -2
            first = (itself > scores.max(axis=1)).mean()
            cells.append(f"{first:.3f} / {(itself >= threshold).mean():.3f}")
            if len(cells) == 1:
                genuine.append(itself)
        print(f"| {name} | {cells[0]} | {cells[1]} |")
    pairs = different[np.triu_indices(len(stored), 1)]
    fitted = bounded(
        calibration.fit(
            np.concatenate(genuine),
            pairs,
            embedder=NAME,
            embedder_sha256=embedder.weights_sha256,
            detector="none",
            curve=strangers.fit(np.arctanh(pairs.astype(np.float64)), np.ones(len(pairs))),
            data=f"{len(paths)} photos of things, everyday life and people, all pairs of them; "
            f"{mine} of them changed in {len(CHANGES)} ways (python -m benchmarks.pictures)",
        )
    )
    for many in (100, 10_000, 1_000_000):
        print(f"threshold among {many:,} photos at .01: {fitted.threshold_for(many, 0.01):.4f}")
    if write:
        print(f"written: {calibration.save(fitted, CALIBRATION)}")
