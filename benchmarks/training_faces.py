"""What training an embedder of faces brings: python -m benchmarks.training_faces [FOLDER]

Draws people, trains small-face from nothing on some and measures it on the others, beside its
random start and the default embedder. With FOLDER, which has people_dev/ (labels.csv: file,
identity), heads on the default embedder are trained in folds of people, on the vectors of the faces
(kept in build/scores), and measured together on those who were held out of each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.scores.faces import KEPT, found
from retrieve.cache import replacing
from retrieve.evaluation.faces.pairs import numbered
from retrieve.evaluation.faces.resampling import MIDDLE, draws
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.embedding.trained.headed import turned
from retrieve.sample_data.album import draw_portrait
from retrieve.training.faces.gathered import gathered
from retrieve.training.faces.loop import Head, Loss, Run, Settings
from retrieve.training.faces.recipe import SETTINGS, Recipe, train, wanted_views
from retrieve.training.faces.verified import Verified, change, verified

PEOPLE, PHOTOS, FIRST_SEED = 58, 6, 20_000
FOLDS, DEALS = 3, 1
DRAWN = Path("build/drawn-people")
WAYS: tuple[tuple[Loss, float], ...] = (  # what a head is trained with, how near it is held
    ("cross-entropy", 0.03),
    ("cross-entropy", 0.3),
    ("triplet", 0.03),
    ("triplet", 0.3),
    ("both", 0.1),
)


def drawn(folder: Path, people: int, photos: int) -> dict[Path, str]:
    """Portraits of people who do not exist, PHOTO → who it is."""
    labels = {}
    for who in range(people):
        for shot in range(photos):
            path = folder / f"{who:03}" / f"{shot}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            seed = FIRST_SEED + who
            if not path.is_file():
                picture = Image.fromarray(draw_portrait(seed, seed * 1000 + shot))
                with replacing(path) as temporary:
                    picture.save(temporary)
            labels[path] = f"{who:03}"
    return labels


def from_nothing(folder: Path, people: int, photos: int, settings: Settings) -> None:
    """small-face on drawn people."""
    recipe = Recipe("small-face", settings=settings)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        labels = drawn(folder, people, photos)
        detector = open_detector(DEFAULT_DETECTOR)
        faces, _ = gathered(labels, detector, wanted_views(recipe, landmarks_of(detector)), work)
        start, before = time.process_time(), time.monotonic()
        report = train(faces, work / "drawn.safetensors", recipe=recipe, work=work)
        spent = time.process_time() - start, time.monotonic() - before
    print(
        f"{people} drawn people, {photos} photos each: trained on {report.trained_on}, measured on "
        f"{report.held_out}; {settings.steps} steps, {spent[0]:.0f} CPU s, {spent[1]:.0f} s"
    )
    for label, one in (
        ("random weights", report.before),
        ("trained", report.after),
        ("default embedder", report.default),
    ):
        _print(label, one)
    print(f"  after beside before: {report.gain}")
    print(f"  after beside default: {report.beside}")


def heads(folder: Path, kept: Path, threads: int) -> None:
    """Heads on the default embedder, on people_dev by folds."""
    embeddings, names = found(folder, "people_dev", kept).labelled()
    people = numbered(names)
    print(f"{len(people)} news photos of {people.max() + 1} people, {FOLDS} folds, {DEALS} deals")
    for loss, near in WAYS:
        settings = replace(SETTINGS["head"], loss=loss, near=near, threads=threads)
        every = []
        for deal in range(DEALS):
            for out in _folds(people, deal):
                run = Run(
                    Head(embeddings.shape[1], settings.dropout),
                    embeddings[~out][:, None],
                    people[~out],
                    replace(settings, seed=deal + 1),
                    embeddings.shape[1],
                )
                with tempfile.TemporaryDirectory() as name:
                    run.train(Path(name) / "head.pt")
                assert isinstance(run.network, Head)
                own = numbered([names[i] for i in np.flatnonzero(out)])
                before = verified(embeddings[out], own)
                after = verified(turned(embeddings[out], run.network.matrix()), own)
                every.append((before, after, change(before, after)))
        rates = sorted(every[0][0].missed, reverse=True)
        told = " ".join(
            f"{rate:g}: {np.mean([b.missed[rate] for b, _, _ in every]):.4f} → "
            f"{np.mean([a.missed[rate] for _, a, _ in every]):.4f}"
            for rate in rates
        )
        low, high = _pooled([(before, after) for before, after, _ in every])
        better = sum(one.better for _, _, one in every)
        worse = sum((one.low or 0) > 0 for _, _, one in every)
        print(
            f"  {loss}, near {near:g}: missed at {told}; at the last, over all "
            f"folds, {low:+.4f} to {high:+.4f}; beyond chance better in {better}, worse in {worse} "
            f"of {len(every)} folds",
            flush=True,
        )


def _pooled(every: list[tuple[Verified, Verified]]) -> tuple[float, float]:
    """The interval of what is missed more, over the people of all folds; each fold's thresholds
    stay what they are.
    """
    changes = []
    for before, after in every:
        rate = min(before.missed)
        (old, tried), (new, _) = (
            one.pairs.missed_by_person(one.pairs.threshold(rate)) for one in (before, after)
        )
        changes.append(((new - old) / np.maximum(tried, 1e-12))[tried > 0])
    change_of = np.concatenate(changes)
    drawn = draws(len(change_of), 2000, 0) @ change_of / len(change_of)
    low, high = np.percentile(drawn, MIDDLE)
    return float(low), float(high)


def _folds(people: np.typing.NDArray[np.int64], deal: int) -> list[np.typing.NDArray[np.bool_]]:
    """Which faces each fold holds out: people with several photos are dealt out evenly."""
    counts = np.bincount(people)
    order = np.random.default_rng(deal).permutation(len(counts))
    order = order[np.argsort(counts[order] == 1, kind="stable")]
    return [np.isin(people, order[fold::FOLDS]) for fold in range(FOLDS)]


def _print(label: str, one: Verified) -> None:
    missed = ", ".join(f"{share:.4f} at {rate:g}" for rate, share in one.missed.items())
    print(f"  {label}: missed {missed}; EER {one.equal:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_faces")
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where vectors of faces are kept")
    parser.add_argument("--drawn", type=Path, default=DRAWN, help="where drawn people are kept")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--steps", type=int, default=SETTINGS["small-face"].steps)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--heads-only", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.folder:
        heads(arguments.folder, arguments.kept, arguments.threads)
    if arguments.heads_only:
        return
    settings = replace(SETTINGS["small-face"], steps=arguments.steps, threads=arguments.threads)
    from_nothing(arguments.drawn, arguments.people, arguments.photos, settings)


if __name__ == "__main__":
    main()
