"""What it costs to embed a face from its stored picture: python -m benchmarks.pictured FOLDER

FOLDER is that of benchmarks.verification. Each face of people_dev is made the pictures that a
collection keeps of it: the one of today, and the crop of --before shrunk to 112 pixels, as older
versions did. Out of each it is cut for each --model, as `retrieve reembed` does where the photo is
gone, and looked for among that person's other faces, which are cut out of their photos. Printed is
the share that is missed at the threshold that 2 in 10,000 pairs of strangers pass with photos
alone, a person counts once; how like the vectors are to those from the photo; and how many faces
reach beyond their picture, with what is there filled by each rule.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.damaged import missed
from benchmarks.verification import RATES, Labelled, labelled, people_dev
from retrieve import photos
from retrieve.evaluation.verification import threshold_at
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.embed import open_embedder
from retrieve.faces.embedding.views import PICTURE, View, embed, together, views
from retrieve.faces.pictured import SHRUNK_PX, crop_of_picture, shown_by
from retrieve.indexes.building.jobs import jpeg
from retrieve.training.calibrate import pair_scores
from retrieve.types import Crops, Pixels

RULES = ("black", "mean", "edge", "mirror")
MODELS = ("dlib-resnet", "mobilefacenet", "dlib-resnet+mobilefacenet")


def kept(crops: Crops, size_px: int) -> list[Pixels]:
    """The crops as a collection keeps them: in that size, through JPEG."""
    made = []
    for crop in crops:
        small = Image.fromarray(crop).resize((size_px, size_px), Image.Resampling.BOX)
        made.append(photos.decode(jpeg(np.asarray(small)), long_side_px=None).pixels)
    return made


def cut(
    pictures: list[Pixels], faces: Labelled, shown: View, wanted: tuple[View, ...], rule: str
) -> tuple[tuple[Crops, ...], int]:
    """What an embedder wants to see out of the pictures, and how many reach beyond theirs."""
    margin = shown.size_px // 2
    room = [(margin, margin), (margin, margin), (0, 0)]
    wider = View(shown.template + np.float32(margin), shown.size_px + 2 * margin)
    found: list[tuple[Crops, ...]] = []
    beyond = 0
    for picture, landmarks in zip(pictures, faces.landmarks, strict=True):
        every = [crop_of_picture(picture, landmarks, shown, view) for view in wanted]
        beyond += any(filled for _, filled in every)
        if rule != "black":
            filled = _filled(picture, room, rule)
            every = [crop_of_picture(filled, landmarks, wider, view) for view in wanted]
        found.append(tuple(crop[None] for crop, _ in every))
    return together(found), beyond


def _filled(picture: Pixels, room: list[tuple[int, int]], rule: str) -> Pixels:
    """The picture with a margin all around."""
    if rule == "edge":
        return np.pad(picture, room, "edge")
    if rule == "mirror":
        return np.pad(picture, room, "symmetric")
    mean = picture.mean(axis=(0, 1)).round().astype(np.uint8)
    wide = np.empty([one + sum(more) for one, more in zip(picture.shape, room, strict=True)], "u1")
    wide[:] = mean
    (top, _), (left, _), _ = room
    wide[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return wide


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--before", default="dlib-resnet", help="embedder of the old collection")
    parser.add_argument("--model", action="append", help=f"default {', '.join(MODELS)}")
    asked = parser.parse_args()
    news = people_dev(asked.folder / "people_dev")
    old = shown_by(asked.before, DEFAULT_DETECTOR)
    if old is None:
        raise SystemExit(f"no embedder of ours is called {asked.before}")
    before = labelled(news, DEFAULT_DETECTOR, views(asked.before, DEFAULT_DETECTOR))
    now = labelled(news, DEFAULT_DETECTOR, (PICTURE,))
    pictures = {
        f"pictures of {asked.before}": (old, kept(before.crops[0], SHRUNK_PX)),
        "pictures of today": (PICTURE, kept(now.crops[0], PICTURE.size_px)),
    }
    for name in asked.model or MODELS:
        embedder, wanted = open_embedder(name), views(name, DEFAULT_DETECTOR)
        faces = labelled(news, DEFAULT_DETECTOR, wanted)
        stored = embed(embedder, faces.crops)
        threshold = threshold_at(pair_scores(stored, faces.people)[1], RATES[1])
        share = missed(stored, stored, faces.people, threshold)
        print(f"{name}, photos: FNMR {share:.4f} at {RATES[1]:g} ({threshold:.4f})", flush=True)
        for what, (shown, held) in pictures.items():
            for rule in RULES:
                crops, beyond = cut(held, faces, shown, wanted, rule)
                probes = embed(embedder, crops)
                share = missed(probes, stored, faces.people, threshold)
                like = float(np.mean(np.sum(probes * stored, axis=1)))
                print(
                    f"{name}, {what}, {rule}: FNMR {share:.4f}; mean cosine to the photo's "
                    f"{like:.4f}; {beyond} of {len(probes)} faces reach beyond",
                    flush=True,
                )
                if not beyond:
                    break


if __name__ == "__main__":
    main()
