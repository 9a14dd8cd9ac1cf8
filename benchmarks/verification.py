"""Who is whom, by embedder: python -m benchmarks.verification [--model NAME]... FOLDER

FOLDER has people_dev/ (labels.csv: file, identity, of the face nearest the middle; groups.csv:
identity, east_asian_name) and congress/ (gallery_2015/, query_2024/: one person a file). Prints for
each --model and --detector, as they run when they are installed,

- of people_dev the pairs of one person that are missed (FNMR) at three false-match rates, each
  with the threshold from all pairs of strangers; a person counts once, however many photos there
  are; and of strangers with East Asian names how many pass at the default rate
- of congress the people at rank 1, and the pairs of one person below the best pair of strangers
- CPU ms a crop on one thread, in turn in each of several rounds; the best round counts

--calibrate OUT writes what a score means, fitted on both, and prints by folds of people how far its
probabilities lie from the truth, and how many strangers pass its threshold of two faces, on people
that it was not fitted on. --figures FILE puts the figures of the (one) detector into the table that
`retrieve models` shows. Crops are kept in build/verification.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.util
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.evaluation import identification
from retrieve.evaluation.verification import Scores, expected_error, threshold_at
from retrieve.faces import calibration
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, DETECTORS, open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.detection.recipe import DEFAULT
from retrieve.faces.embedding import views as views_of
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
from retrieve.faces.embedding.figures import Figures, measured
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.faces.embedding.views import View
from retrieve.faces.extract import detect
from retrieve.networks import weights
from retrieve.sources import file_reader
from retrieve.training.calibrate import labelled_face, pair_scores, stranger_curve
from retrieve.types import Crops, Embeddings

KEPT = Path("build/verification")
RATES = (1e-3, 2e-4, 1e-5)
GALLERY, QUERY = "gallery_2015", "query_2024"
ROUNDS = 7
CROPS = 16  # in a round
FOLDS = 5
# View 2, ten folds, as a prototype measured it; the set is not here (docs/embedding.md).
LFW = {
    "dlib-resnet": (0.9913, "mirror averaging"),
    "mobilefacenet": (0.9925, "no mirror"),
    "facenet": (0.9942, "mirror averaging"),
    "dlib-resnet+mobilefacenet": (0.9935, "no mirror, weights 1:2"),
    "facenet+mobilefacenet": (0.9950, "no mirror, weights 1:2"),
    "dlib-resnet+facenet+mobilefacenet": (0.9948, "no mirror, weights 1:1:2"),
}
DATA = (
    "1,490 news photos of 550 people (research use; ships as these numbers alone) and 450 official "
    "portraits of 295 members of the US congress, 2015 and 2024 (public domain)"
)


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Faces and who they are; row i of the arrays belongs to people[i], found in paths[i].

    crops      for each view (N, S, S, 3)
    landmarks  (N, 5, 2) in photo pixels
    """

    paths: list[Path]
    people: list[str]
    crops: tuple[Crops, ...]
    landmarks: NDArray[np.float32]


def labelled(photos: dict[Path, str], detector: str, views: Sequence[View]) -> Labelled:
    """The face nearest the middle of each photo that has one, from the last run where it stands."""
    shown = [(view.size_px, view.template.tolist()) for view in views]
    key = hashlib.sha256(f"{detector} {DEFAULT} {shown}".encode())
    key.update("".join(map(str, photos)).encode())
    kept = KEPT / f"{key.hexdigest()[:16]}.npz"
    if not kept.is_file():
        opened = open_detector(detector)
        places, crops, landmarks = [], [], []
        for place, path in enumerate(photos):
            faces = detect(file_reader(path), opened)
            if faces:
                nearest = labelled_face(faces, faces.photo.size)
                crops.append(faces[nearest : nearest + 1].crops(views))
                landmarks.append(faces[nearest].landmarks)
                places.append(place)
        KEPT.mkdir(parents=True, exist_ok=True)
        found = {f"crops{i}": one for i, one in enumerate(views_of.together(crops))}
        found |= {"landmarks": np.stack(landmarks), "places": np.array(places)}
        np.savez(kept, allow_pickle=False, **found)
    return _kept(kept, photos)


def _kept(path: Path, photos: dict[Path, str]) -> Labelled:
    with np.load(path) as arrays:
        paths = [list(photos)[place] for place in arrays["places"]]
        people = [photos[path] for path in paths]
        names = sorted(name for name in arrays.files if name.startswith("crops"))
        shown = tuple(arrays[name] for name in names)
        return Labelled(paths, people, shown, arrays["landmarks"])


def people_dev(folder: Path) -> dict[Path, str]:
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {folder / row["file"]: row["identity"] for row in csv.DictReader(file)}


def congress(folder: Path) -> dict[Path, str]:
    return {
        path: path.stem for part in (GALLERY, QUERY) for path in sorted((folder / part).iterdir())
    }


def missed(embeddings: Embeddings, people: list[str], thresholds: list[float]) -> list[float]:
    """FNMR at each threshold, each person with two photos or more weighted the same."""
    names = np.array(people)
    shares = []
    for person in np.unique(names):
        own = embeddings[names == person]
        if len(own) > 1:
            scores = (own @ own.T)[np.triu_indices(len(own), k=1)]
            shares.append([float(np.mean(scores < threshold)) for threshold in thresholds])
    return [float(share) for share in np.mean(shares, axis=0)]


def group_pairs(embeddings: Embeddings, people: list[str], groups: Path) -> Scores:
    """Scores of strangers who both have an East Asian name."""
    with groups.open(newline="", encoding="utf-8") as file:
        named = {row["identity"] for row in csv.DictReader(file) if row["east_asian_name"] == "1"}
    inside = np.array([person in named for person in people])
    return pair_scores(embeddings[inside], [person for person in people if person in named])[1]


def portraits(faces: Labelled, embeddings: Embeddings, threshold: float) -> str:
    """Rank 1 among the gallery, the pairs below the best of strangers, and who passes."""
    stored = np.array([path.parent.name == GALLERY for path in faces.paths])
    who = np.array(faces.people)
    table = embeddings[~stored] @ embeddings[stored].T
    place = identification.ranks(table, who[~stored].tolist(), who[stored].tolist())
    genuine, impostor = pair_scores(embeddings, faces.people)
    below = int(np.sum(genuine < impostor.max()))
    passed = table.max(axis=1) >= threshold
    strangers = place == 0
    expected = strangers.sum() * (1 - (1 - RATES[1]) ** stored.sum())
    return (
        f"rank 1 {np.sum(place == 1)} of {np.sum(place > 0)}, {below} of {genuine.size} pairs "
        f"({below / genuine.size:.1%}) below the best of {impostor.size:,}; over {threshold:.4f} "
        f"{np.sum(passed & ~strangers)} of the known, {np.sum(passed & strangers)} of "
        f"{strangers.sum()} strangers against {stored.sum()} ({expected:.1f} at the stated rate)"
    )


def speed(embedders: dict[str, AnyEmbedder]) -> dict[str, float]:
    """Model → CPU ms a crop; dlib's own among them where the package dlib-bin is installed."""
    runs: dict[str, tuple[list[int], Callable[[tuple[Crops, ...]], object]]]
    runs = {
        name: ([part.crop_px for part in views_of.parts(one)], partial(views_of.embed, one))
        for name, one in embedders.items()
    }
    if importlib.util.find_spec("dlib"):
        import dlib

        peer = dlib.face_recognition_model_v1(str(weights.locate("dlib-resnet")))
        runs["dlib-bin, no mirror"] = [150], lambda crops: peer.compute_face_descriptor([*crops[0]])
    best = dict.fromkeys(runs, np.inf)
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        for name, (sides, embed) in runs.items():
            crops = tuple(rng.integers(0, 256, (CROPS, px, px, 3), np.uint8) for px in sides)
            start = time.process_time()
            embed(crops)
            best[name] = min(best[name], (time.process_time() - start) * 1e3 / CROPS)
    return best


def report(
    embedder: AnyEmbedder, detector: str, folder: Path, calibrate: Path | None
) -> list[float]:
    """A line for each set of photos; returns FNMR at each of RATES."""
    wanted = detector, views_of.views(embedder, landmarks_of(open_detector(detector)))
    news = labelled(people_dev(folder / "people_dev"), *wanted)
    official = labelled(congress(folder / "congress"), *wanted)
    embeddings = views_of.embed(embedder, news.crops)
    genuine, impostor = pair_scores(embeddings, news.people)
    thresholds = [threshold_at(impostor, rate) for rate in RATES]
    shares = missed(embeddings, news.people, thresholds)
    groups = group_pairs(embeddings, news.people, folder / "people_dev" / "groups.csv")
    passed = float(np.mean(groups >= thresholds[1]))
    told = zip(RATES, shares, thresholds, strict=True)
    print(
        f"{embedder.name} {detector}: people_dev, {len(news.people)} faces, {impostor.size:,} "
        "pairs of strangers: FNMR "
        + ", ".join(f"{share:.4f} at {rate:g} ({least:.4f})" for rate, share, least in told)
        + f"; East Asian names {passed:.4f} of {groups.size} at {RATES[1]:g}"
    )
    vectors = views_of.embed(embedder, official.crops)
    threshold = thresholds[1]
    if calibrate is not None:
        also = pair_scores(vectors, official.people)
        # Fitted on damaged faces: python -m benchmarks.scores --write.
        before = calibration.find(embedder.weights_sha256, detector)
        fitted = calibration.fit(
            np.concatenate([genuine, also[0]]),
            np.concatenate([impostor, also[1]]),
            embedder=embedder.name,
            embedder_sha256=embedder.weights_sha256,
            detector=detector,
            data=DATA,
            # Of everyday photos: portraits of one profession are more alike, and whoever has a
            # gallery of those is told too little by .014 (docs/scores.md).
            curve=stranger_curve(embeddings, news.people),
            worse=before.worse if before else (),
        )
        path = calibrate / f"{embedder.name}-{detector}{calibration.SUFFIX}"
        worth = held_out([news, official], [embeddings, vectors])
        print(f"{path}: threshold of two faces {fitted.threshold:.4f}; {worth}")
        calibration.save(fitted, path)
        threshold = fitted.threshold
    told_of = portraits(official, vectors, threshold)
    print(f"{embedder.name} {detector}: congress, {told_of}")
    return shares


def held_out(sets: list[Labelled], embeddings: list[Embeddings]) -> str:
    """What calibrations are worth on the fifth of the people that each was not fitted on."""
    who = sorted({person for faces in sets for person in faces.people})
    order = np.random.default_rng(0).permutation(len(who)) % FOLDS
    fold = dict(zip(who, order.tolist(), strict=True))
    errors, passed, strangers = [], 0, 0
    for k in range(FOLDS):
        both = []
        for here in (False, True):
            scores = []
            for faces, rows in zip(sets, embeddings, strict=True):
                chosen = np.array([(fold[person] == k) == here for person in faces.people])
                people = [p for p, yes in zip(faces.people, chosen, strict=True) if yes]
                scores.append(pair_scores(rows[chosen], people))
            both.append([np.concatenate(kind) for kind in zip(*scores, strict=True)])
        (genuine, impostor), (own, others) = both
        fitted = calibration.fit(
            genuine, impostor, embedder="", embedder_sha256="", detector="", data=""
        )
        chances = [
            np.array([fitted.probability(s) for s in some.tolist()]) for some in (own, others)
        ]
        errors.append(expected_error(*chances))
        passed += int(np.sum(others >= fitted.threshold))
        strangers += others.size
    return (
        f"on people of other folds an expected calibration error of {np.mean(errors):.4f} (most "
        f"{max(errors):.4f}), {passed / strangers:.1e} of strangers pass"
    )


def processor() -> str:
    """What the times were taken on, in the words that matter for them."""
    flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").is_file() else []
    for flag, told in (("avx512_vnni", "AVX-512 with VNNI"), ("avx2", "AVX2")):
        if flag in flags:
            return told
    return platform.machine()


def keep(path: Path, rows: list[Figures]) -> None:
    """Put rows into the table, in the place of older ones of the same embedders."""
    names = {row.name for row in rows}
    others = [one for one in measured(path) if one.name not in names] if path.is_file() else []
    every = sorted([*others, *rows], key=lambda one: one.name)
    path.write_text(json.dumps([asdict(one) for one in every], indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", action="append", help=f"default {DEFAULT_EMBEDDER}")
    parser.add_argument("--detector", action="append", choices=DETECTORS)
    parser.add_argument("--mirror", action=argparse.BooleanOptionalAction)
    parser.add_argument("--calibrate", type=Path, metavar="OUT")
    parser.add_argument("--figures", type=Path, metavar="FILE")
    asked = parser.parse_args()
    models = asked.model or [DEFAULT_EMBEDDER]
    embedders = {name: open_embedder(name, mirror=asked.mirror) for name in models}
    detectors = asked.detector or [DEFAULT_DETECTOR]
    found = {
        (name, detector): report(embedder, detector, asked.folder, asked.calibrate)
        for detector in detectors
        for name, embedder in embedders.items()
    }
    times = speed(embedders)
    for name, ms in times.items():
        print(f"{name}: {ms:.2f} CPU ms a face")
    if asked.figures is not None:
        detector = detectors[0]
        keep(
            asked.figures,
            [
                Figures(
                    one.name,
                    detector,
                    one.dim,
                    round(times[name], 1),
                    processor(),
                    {
                        f"{r:g}": round(s, 4)
                        for r, s in zip(RATES, found[name, detector], strict=True)
                    },
                    *LFW.get(one.name, (None, "")),
                )
                for name, one in embedders.items()
            ],
        )


if __name__ == "__main__":
    main()
