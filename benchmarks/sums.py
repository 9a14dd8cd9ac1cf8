"""What embedders weigh in a sum, and in how many dimensions: python -m benchmarks.sums FOLDER

FOLDER is that of benchmarks.verification. Prints of each embedder that is here the spread of its
strangers' scores and how much length its vectors have outside their first K dimensions; then of
sums with several weights the pairs that are missed, undamaged and damaged (benchmarks.damaged), and
what the weight that is best on four fifths of the people misses on the last.

--write OUT makes the file that retrieve.faces.embedding.sums reads, from the second moments of the
vectors of all 1,490 faces: sums over 550 people, of which no face can be had again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from benchmarks.damaged import DAMAGES, damage
from benchmarks.damaged import missed as missed_damaged
from benchmarks.verification import Labelled, labelled, missed, people_dev
from retrieve.cache import replacing
from retrieve.evaluation.verification import threshold_at
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, DETECTORS
from retrieve.faces.embedding.embed import open_embedder
from retrieve.faces.embedding.embedder import Embedder
from retrieve.faces.embedding.sums import Constants, constants
from retrieve.faces.embedding.views import View, parts
from retrieve.training.calibrate import pair_scores
from retrieve.types import Embeddings

# Of a sum's vectors; with them dlib-resnet+mobilefacenet has 128 dimensions.
DIMENSIONS = {"dlib-resnet": 70, "facenet": 64, "mobilefacenet": 58}
WEIGHTS = {"dlib-resnet": 1.0, "facenet": 1.0, "mobilefacenet": 2.0}
TRIED = (1.0, 1.5, 2.0, 2.5, 3.0)
RATES = (2e-4, 1e-5)
FOLDS = 5


def vectors(name: str, detector: str, photos: dict[Path, str]) -> tuple[Labelled, Embeddings]:
    """Faces and their embeddings, as a sum makes them: no mirror."""
    opened = _opened(name)
    faces = labelled(photos, detector, [View(opened.template(detector), opened.crop_px)])
    return faces, opened.embed(faces.crops[0])


def basis(embeddings: Iterable[Embeddings], dimensions: int) -> NDArray[np.float32]:
    """(D, K) leading eigenvectors of the second moment, the sign of each such that its largest
    number is positive.
    """
    rows = np.concatenate(list(embeddings)).astype(np.float64)
    found = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :dimensions]
    largest = np.take_along_axis(found, np.abs(found).argmax(axis=0)[None], axis=0)
    signed: NDArray[np.float32] = (found * np.sign(largest)).astype(np.float32)
    return signed


def measured(name: str, folder: Path) -> Constants:
    """Spread and basis of one embedder, with both detectors' faces."""
    both = [vectors(name, detector, people_dev(folder / "people_dev")) for detector in DETECTORS]
    spread = np.mean([pair_scores(rows, faces.people)[1].std() for faces, rows in both])
    found = basis([rows for _, rows in both], DIMENSIONS[name])
    for detector, (_, rows) in zip(DETECTORS, both, strict=True):
        outside = [
            f"{1 - float(((rows @ basis([rows], k)) ** 2).sum(axis=1).mean()):.1e} of {k}"
            for k in (48, 56, 64, 72, 80)
        ]
        print(f"{name} {detector}: squared length outside the first {', '.join(outside)}")
    print(f"{name}: spread {spread:.4f}")
    return Constants(float(spread), WEIGHTS[name], found)


def joined(parts: list[Embeddings], known: list[Constants], weights: list[float]) -> Embeddings:
    """The vectors of a sum with other weights, in all dimensions."""
    scaled = [
        rows * np.float32(np.sqrt(weight / one.spread))
        for rows, one, weight in zip(parts, known, weights, strict=True)
    ]
    rows = np.concatenate(scaled, axis=1)
    unit: Embeddings = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def weigh(names: list[str], known: dict[str, Constants], detector: str, folder: Path) -> None:
    """A line for each weight of the last embedder, and one for the choice by folds."""
    photos = people_dev(folder / "people_dev")
    both = [vectors(name, detector, photos) for name in names]
    people = both[0][0].people
    some = {what: how for what, how in DAMAGES.items() if what != "none"}
    probes = {
        what: [
            _opened(n).embed(damage(f.crops, how)[0]) for n, (f, _) in zip(names, both, strict=True)
        ]
        for what, how in some.items()
    }
    rng = np.random.default_rng(0)
    who = np.unique(people)
    fold = dict(zip(who, rng.permutation(len(who)) % FOLDS, strict=True))
    of = np.array([fold[person] for person in people])
    table = np.empty((len(TRIED), FOLDS, 2, len(RATES) + len(some)))  # weight, fold, in or out
    for w, weight in enumerate(TRIED):
        weights = [1.0] * (len(names) - 1) + [weight]
        stored = joined([rows for _, rows in both], [known[name] for name in names], weights)
        damaged = [joined(one, [known[name] for name in names], weights) for one in probes.values()]
        thresholds = [threshold_at(pair_scores(stored, people)[1], rate) for rate in RATES]
        for k in range(-1, FOLDS):
            for inside in (0, 1):
                here = (of == k) == bool(inside) if k >= 0 else np.ones(len(of), bool)
                own = [p for p, yes in zip(people, here, strict=True) if yes]
                shares = missed(stored[here], own, thresholds)
                shares += [
                    missed_damaged(d[here], stored[here], own, thresholds[0]) for d in damaged
                ]
                if k >= 0:
                    table[w, k, inside] = shares
            if k == -1:
                told = ", ".join(
                    f"{what} {s:.3f}" for what, s in zip(some, shares[2:], strict=True)
                )
                print(
                    f"{'+'.join(names)} {detector}, the last {weight:g} times: FNMR "
                    f"{shares[0]:.4f}, {shares[1]:.4f} at {RATES}; damaged: {told}"
                )
    chosen = np.log(np.maximum(table[:, :, 0], 1e-4)).mean(axis=2).argmin(axis=0)
    held = np.mean([table[w, k, 1, :2] for k, w in enumerate(chosen)], axis=0)
    print(
        f"{'+'.join(names)} {detector}: chosen on the other people of each fold "
        f"{[TRIED[w] for w in chosen]}; FNMR of the fold's {held[0]:.4f}, {held[1]:.4f}"
    )


_kept: dict[str, Embedder] = {}


def _opened(name: str) -> Embedder:
    if name not in _kept:
        (_kept[name],) = parts(open_embedder(name, mirror=False))
    return _kept[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", action="append", choices=list(DIMENSIONS))
    parser.add_argument("--detector", action="append", choices=DETECTORS)
    parser.add_argument("--write", type=Path, metavar="OUT")
    asked = parser.parse_args()
    names = sorted(asked.model or ["dlib-resnet", "mobilefacenet"])
    known = {name: measured(name, asked.folder) for name in names}
    if asked.write is not None:
        known = constants() | known if asked.write.is_file() else known
        stated = {n: {"spread": one.spread, "weight": one.weight} for n, one in known.items()}
        tensors = {name: np.ascontiguousarray(one.basis) for name, one in known.items()}
        with replacing(asked.write.absolute()) as part:
            part.write_bytes(save(tensors, {"embedders": json.dumps(stated)}))
            part.chmod(0o644)
        return
    for detector in asked.detector or [DEFAULT_DETECTOR]:
        weigh(names, known, detector, asked.folder)


if __name__ == "__main__":
    main()
