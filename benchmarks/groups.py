"""How alike two people in one photo score: python -m benchmarks.groups FOLDER

FOLDER has photos with several people, as wider_dev. Any two faces of a photo are two people who
share light, camera and often a family; the share of these pairs is told that reaches the threshold
which a share of all pairs of strangers reaches.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from retrieve.faces import calibration
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
from retrieve.faces.embedding.views import embed, views
from retrieve.faces.extract import extract
from retrieve.photos import SUFFIXES, BadPhoto
from retrieve.sources import file_reader

parser = argparse.ArgumentParser(prog="python -m benchmarks.groups", description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("--least-px", type=int, default=40, help="width of the faces that count")
arguments = parser.parse_args()

detector, embedder = open_detector(DEFAULT_DETECTOR), open_embedder(DEFAULT_EMBEDDER)
wanted = views(embedder, landmarks_of(detector))
told = calibration.find(embedder.weights_sha256, DEFAULT_DETECTOR)
assert told is not None
scores: list[float] = []
photos = faces = 0
for path in sorted(arguments.folder.rglob("*")):
    if path.suffix.lower() not in SUFFIXES:
        continue
    try:
        found = extract(file_reader(path), detector, wanted)
    except BadPhoto:
        continue
    if len(found.faces) < 2:
        continue
    wide = np.array([face.box[2] - face.box[0] for face in found.faces]) >= arguments.least_px
    rows = embed(embedder, found.crops)[wide]
    first, second = np.triu_indices(len(rows), 1)
    scores += (rows[first] * rows[second]).sum(axis=1).tolist()
    photos += len(rows) > 1
    faces += len(rows)
print(f"{faces} faces of {arguments.least_px} px and more in {photos} photos, {len(scores)} pairs")
for rate, threshold in told.thresholds.items():
    passed = float((np.array(scores) >= threshold).mean())
    print(f"threshold of {rate} of all pairs of strangers: {passed:.4f} pass")
