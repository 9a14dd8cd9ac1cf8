"""Detectors beside each other: python -m benchmarks.detection

CPU ms a megapixel on one thread, photos brought to 1024 pixels; what is found of the
noses in ../shared/photos/compreface_noses.csv, of the 29 faces of solvay1927, and in
photos without a face. facenet-pytorch's MTCNN and dlib's HOG detector are the peers.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.photos import SHARED, real_photos
from retrieve import photos
from retrieve.faces.detection.detect import open_detector
from retrieve.faces.detection.mtcnn import REFERENCE, open_mtcnn
from retrieve.types import Photo, Pixels

Find = Callable[[Pixels], NDArray[np.float64]]  # boxes (N, 4) of one photo


def detectors() -> dict[str, Find]:
    """All that can run here."""
    import dlib
    import torch

    sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
    import facenet_oracle

    torch.set_num_threads(1)
    facenet = facenet_oracle.open_reference(min_face_size=20)
    hog = dlib.get_frontal_face_detector()

    def ours(name: str) -> Find:
        detector = open_mtcnn(settings=REFERENCE) if name == "exact" else open_detector(name)
        return lambda pixels: np.array(
            [face.box for face in detector.detect([pixels])[0]], np.float64
        ).reshape(-1, 4)

    return {
        "dlib HOG, 1 upsampling": lambda pixels: np.array(
            [[r.left(), r.top(), r.right(), r.bottom()] for r in hog(pixels, 1)], np.float64
        ).reshape(-1, 4),
        "facenet-pytorch MTCNN": lambda pixels: facenet_oracle.detect(facenet, pixels)[0],
        "mtcnn, its settings": ours("exact"),
        "mtcnn": ours("mtcnn"),
        "centerface": ours("centerface"),
    }


def _readable(paths: list[Path]) -> list[Photo]:
    found = []
    for path in paths:
        try:
            found.append(photos.read(path))
        except photos.BadPhoto:
            continue
    return found


def noses_found(find: Find) -> tuple[int, int]:
    """Noses inside a box, of how many."""
    found = total = 0
    with (SHARED / "compreface_noses.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            photo = photos.read(SHARED / row["file"])
            boxes = find(photo.pixels) / photo.scale
            for nose in filter(None, row["noses_xy"].split(";")):
                at = np.array(nose.split(), float)
                inside = (boxes[:, :2] <= at).all(axis=1) & (at <= boxes[:, 2:]).all(axis=1)
                total, found = total + 1, found + bool(inside.any())
    return found, total


def main() -> None:
    sample = _readable(real_photos())
    megapixels = sum(photo.pixels.size for photo in sample) / 3e6
    shared = SHARED.is_dir()
    empty = _readable(sorted((SHARED / "negatives").glob("*"))) if shared else []
    print(f"{len(sample)} photos, {megapixels:.0f} megapixels")
    print(f"{'detector':24} CPU ms/MP   compreface  solvay1927  in {len(empty)} without faces")
    for name, find in detectors().items():
        find(sample[0].pixels)
        start = time.process_time()
        for photo in sample:
            find(photo.pixels)
        ms = (time.process_time() - start) * 1e3 / megapixels
        line = f"{name:24} {ms:9.0f}"
        if shared:
            hits, total = noses_found(find)
            solvay = len(find(photos.read(SHARED / "groups" / "solvay1927.jpg").pixels))
            # camera.png does show a man.
            false = sum(len(find(p.pixels)) for p in empty if Path(p.name).name != "camera.png")
            line += f"   {hits} of {total}    {solvay} of 29    {false}"
        print(line)


if __name__ == "__main__":
    main()
