"""What damage to a probe's face costs: python -m benchmarks.damaged [--model NAME]... FOLDER

FOLDER is that of benchmarks.verification. Each face of people_dev is damaged in its crop and looked
for among that person's other faces, which are as they were. Printed is the share that is missed at
the threshold that 2 in 10,000 pairs of strangers pass undamaged; a person counts once.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from benchmarks.verification import RATES, labelled, people_dev
from retrieve.evaluation.verification import threshold_at
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, DETECTORS, open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.faces.embedding.views import embed, views
from retrieve.training.calibrate import pair_scores
from retrieve.types import Crops, Embeddings


def shrunk(crop: Image.Image, px: int) -> Image.Image:
    return crop.resize((px, px), Image.Resampling.BOX).resize(crop.size, Image.Resampling.BICUBIC)


def compressed(crop: Image.Image) -> Image.Image:
    kept = io.BytesIO()
    crop.save(kept, "JPEG", quality=10)
    return Image.open(kept).convert("RGB")


def covered(crop: Image.Image, top: float, bottom: float) -> Image.Image:
    """A grey bar over the rows between two shares of the height."""
    damaged = crop.copy()
    damaged.paste(
        (128, 128, 128), (0, int(top * crop.height), crop.width, int(bottom * crop.height))
    )
    return damaged


DAMAGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "none": lambda crop: crop,
    "40 px": lambda crop: shrunk(crop, 40),
    "28 px": lambda crop: shrunk(crop, 28),
    "20 px": lambda crop: shrunk(crop, 20),
    "blur of 3 %": lambda crop: crop.filter(ImageFilter.GaussianBlur(0.03 * crop.width)),
    "JPEG quality 10": compressed,
    "a quarter of the light": lambda crop: crop.point(lambda value: value // 4),
    "grey": lambda crop: ImageOps.grayscale(crop).convert("RGB"),
    "lower 38 % covered": lambda crop: covered(crop, 0.62, 1),
    "eyes covered": lambda crop: covered(crop, 0.38, 0.56),
}


def damage(
    views: tuple[Crops, ...], how: Callable[[Image.Image], Image.Image]
) -> tuple[Crops, ...]:
    return tuple(
        np.stack([np.asarray(how(Image.fromarray(crop))) for crop in crops]) for crops in views
    )


def missed(probes: Embeddings, stored: Embeddings, people: list[str], threshold: float) -> float:
    """Of a person's damaged faces with each other face, the mean of people."""
    names = np.array(people)
    shares = []
    for person in np.unique(names):
        own = names == person
        scores = probes[own] @ stored[own].T
        others = scores[~np.eye(len(scores), dtype=bool)]
        if others.size:
            shares.append(float(np.mean(others < threshold)))
    return float(np.mean(shares))


def report(embedder: AnyEmbedder, detector: str, folder: Path) -> None:
    photos = people_dev(folder / "people_dev")
    faces = labelled(photos, detector, views(embedder, landmarks_of(open_detector(detector))))
    stored = embed(embedder, faces.crops)
    threshold = threshold_at(pair_scores(stored, faces.people)[1], RATES[1])
    for name, how in DAMAGES.items():
        probes = embed(embedder, damage(faces.crops, how))
        share = missed(probes, stored, faces.people, threshold)
        print(f"{embedder.name} {detector}, {name}: {share:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", action="append", help=f"default {DEFAULT_EMBEDDER}")
    parser.add_argument("--detector", choices=DETECTORS, default=DEFAULT_DETECTOR)
    asked = parser.parse_args()
    for name in asked.model or [DEFAULT_EMBEDDER]:
        report(open_embedder(name), asked.detector, asked.folder)


if __name__ == "__main__":
    main()
