"""Drawn people for the pictures: an album of sample_data with its faces and embeddings."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.faces import calibration
from retrieve.faces.calibration import Calibration
from retrieve.faces.detection.detect import open_detector
from retrieve.faces.detection.detector import Detector, landmarks_of
from retrieve.faces.embedding.embed import open_embedder
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.faces.embedding.views import embed, together, views
from retrieve.faces.extract import extract
from retrieve.sample_data.album import Label, write_album
from retrieve.sources import file_reader
from retrieve.types import Crops, Embeddings, Face, Pixels

SEED = 1  # of `make demo`


@dataclass(frozen=True, slots=True, eq=False)
class Album:
    """N faces of drawn people.

    names       whose each face is
    crops       (N, 150, 150, 3) uint8 RGB, aligned
    embeddings  (N, D)
    portraits   of each name a photo that shows nobody else
    group       the photo with the most people
    """

    names: list[str]
    crops: Crops
    embeddings: Embeddings
    portraits: dict[str, Pixels]
    group: Pixels

    def pairs(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores of all pairs of faces of one person, and of two."""
        names = np.array(self.names)
        first, second = np.triu_indices(len(names), 1)
        scores = (self.embeddings @ self.embeddings.T)[first, second]
        same = names[first] == names[second]
        return scores[same], scores[~same]


@cache
def detector() -> Detector:
    """The default."""
    return open_detector()


@cache
def embedder() -> AnyEmbedder:
    """The shipped embedder in float32, so that every machine draws the same picture."""
    return open_embedder(precision="float32")


def calibrated() -> Calibration:
    """What a score of the two means."""
    found = calibration.load(
        calibration.SHIPPED / f"{embedder().name}-{detector().name}{calibration.SUFFIX}"
    )
    assert found.embedder_sha256 == embedder().weights_sha256
    return found


@cache
def album(people: int = 8, photos: int = 40) -> Album:
    """The album of `make demo`: the same people in the same photos."""
    with tempfile.TemporaryDirectory() as folder:
        labels = write_album(Path(folder), people=people, photos=photos, seed=SEED)
        return _read(Path(folder), labels)


def _read(folder: Path, labels: list[Label]) -> Album:
    opened = embedder()
    wanted = views(opened, landmarks_of(detector()))
    names: list[str] = []
    crops: list[tuple[Crops, ...]] = []
    portraits: dict[str, Pixels] = {}
    group, most = np.empty((0, 0, 3), np.uint8), 0
    for path in dict.fromkeys(label.path for label in labels):
        here = [label for label in labels if label.path == path]
        found = extract(file_reader(folder / path), detector(), wanted)
        for face in found.faces:
            names += [label.name for label in here if _inside(face, label)]
        crops.append(found.crops)
        assert len(names) == sum(len(one[0]) for one in crops), f"a face of {path} is nobody's"
        if len(here) == 1:
            portraits.setdefault(here[0].name, found.photo.pixels)
        if len(here) > most:
            group, most = found.photo.pixels, len(here)
    every = together(crops)
    return Album(names, every[0], embed(opened, every), portraits, group)


def _inside(face: Face, label: Label) -> bool:
    x, y = (face.box[:2] + face.box[2:]) / 2
    x1, y1, x2, y2 = label.box
    return bool(x1 < x < x2 and y1 < y < y2)
