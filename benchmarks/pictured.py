"""What it costs to embed a face from its stored picture: python -m benchmarks.pictured FOLDER

FOLDER is that of benchmarks.verification. Each face of people_dev is made the picture that a
collection of --before stores of it, and is cut out of that for each --model, as `retrieve reembed`
does where the photo is gone. It is then looked for among that person's other faces, which are cut
out of their photos. Printed is the share that is missed at the threshold that 2 in 10,000 pairs of
strangers pass with photos alone, a person counts once; how like the vectors are to those from the
photo; and how many crops reach beyond the picture, with what is there filled by each rule.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.damaged import missed
from benchmarks.verification import RATES, Labelled, labelled, people_dev
from retrieve import photos
from retrieve.evaluation.verification import threshold_at
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.align import align, similarity
from retrieve.faces.embedding.embed import Embedder, open_embedder
from retrieve.faces.pictured import crop_of_picture
from retrieve.indexes.building.workers import THUMBNAIL_PX, thumbnail
from retrieve.training.calibrate import pair_scores
from retrieve.types import Crops, Pixels


def pictures(faces: Labelled) -> list[Pixels]:
    """What a collection stores of each face."""
    return [photos.decode(thumbnail(crop), long_side_px=None).pixels for crop in faces.crops]


def cut(
    pixels: list[Pixels], faces: Labelled, drawn: NDArray[np.float32], embedder: Embedder, rule: str
) -> tuple[Crops, int]:
    """The embedder's crops out of the pictures, and how many reach beyond theirs."""
    template = embedder.template(DEFAULT_DETECTOR)
    crops, beyond = [], 0
    for picture, landmarks in zip(pixels, faces.landmarks, strict=True):
        crop, filled = crop_of_picture(picture, landmarks, drawn, template, embedder.crop_px)
        if rule == "black" and filled:
            turn = similarity(landmarks, drawn)
            seen = landmarks @ turn[:, :2].T + turn[:, 2]
            crop = align(picture, seen, template, embedder.crop_px)
        crops.append(crop)
        beyond += filled
    return np.stack(crops), beyond


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--before", default="dlib-resnet", help="embedder of the old collection")
    parser.add_argument("--model", action="append", help="default dlib-resnet, mobilefacenet")
    asked = parser.parse_args()
    news = people_dev(asked.folder / "people_dev")
    before = open_embedder(asked.before)
    template = before.template(DEFAULT_DETECTOR)
    held = labelled(news, DEFAULT_DETECTOR, template, before.crop_px)
    pixels = pictures(held)
    drawn = template * np.float32(THUMBNAIL_PX / before.crop_px)
    for name in asked.model or ["dlib-resnet", "mobilefacenet"]:
        embedder = open_embedder(name)
        own = embedder.template(DEFAULT_DETECTOR)
        stored = embedder.embed(labelled(news, DEFAULT_DETECTOR, own, embedder.crop_px).crops)
        threshold = threshold_at(pair_scores(stored, held.people)[1], RATES[1])
        share = missed(stored, stored, held.people, threshold)
        print(f"{name}, photos: FNMR {share:.4f} at {RATES[1]:g} ({threshold:.4f})")
        for rule in ("edge", "black"):
            crops, beyond = cut(pixels, held, drawn, embedder, rule)
            probes = embedder.embed(crops)
            share = missed(probes, stored, held.people, threshold)
            like = float(np.mean(np.sum(probes * stored, axis=1)))
            print(
                f"{name}, pictures of {asked.before}, {rule}: FNMR {share:.4f}; mean cosine to "
                f"the photo's {like:.4f}; {beyond} of {len(probes)} crops reach beyond"
            )


if __name__ == "__main__":
    main()
