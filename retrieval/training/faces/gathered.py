"""Labelled photos → crops of the labelled faces, kept in the work folder for the next time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from retrieve.cache import replacing
from retrieve.faces.detection.detector import Detector
from retrieve.faces.detection.recipe import DEFAULT
from retrieve.faces.embedding.views import View, together
from retrieve.faces.extract import detect
from retrieve.photos import BadPhoto
from retrieve.sources import file_reader
from retrieve.training.calibrate import labelled_face
from retrieve.training.faces.recipe import Faces
from retrieve.types import Skipped

OnProgress = Callable[[int, int], object]  # photos looked at, of all


def gathered(
    people: Mapping[Path, str],
    detector: Detector,
    views: Sequence[View],
    work: Path,
    *,
    largest: bool = False,
    progress: OnProgress | None = None,
) -> tuple[Faces, list[Skipped]]:
    """The labelled face of each photo, and the photos that have none.

    people   photo → who it shows
    largest  the labelled face is the largest, not the one nearest the middle
    raises   BadInput if no photo has a face
    """
    shown = [[view.size_px, view.template.tolist()] for view in views]
    made_of = [
        [str(path), path.stat().st_size, path.stat().st_mtime_ns]
        for path in people
        if path.exists()
    ]
    key = json.dumps([detector.name, str(DEFAULT), shown, largest, made_of])
    kept = work / f"crops-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    paths = list(people)
    if not kept.is_file():
        _look(paths, detector, views, kept, largest, progress)
    with np.load(kept, allow_pickle=False) as arrays:
        crops = tuple(arrays[f"crops{i}"] for i in range(len(views)))
        faces = Faces(crops, [people[paths[i]] for i in arrays["places"]])
        reasons = json.loads(str(arrays["skipped"]))
    return faces, [Skipped(paths[i], reason) for i, reason in reasons]


def _look(
    paths: Sequence[Path],
    detector: Detector,
    views: Sequence[View],
    kept: Path,
    largest: bool,
    progress: OnProgress | None,
) -> None:
    crops, places, skipped = [], [], []
    for i, path in enumerate(paths):
        try:
            faces = detect(file_reader(path), detector)
            if faces:
                which = labelled_face(faces, faces.photo.size, largest=largest)
                crops.append(faces[which : which + 1].crops(views))
                places.append(i)
            else:
                skipped.append((i, "no face found in it"))
        except BadPhoto as error:
            skipped.append((i, str(error)))
        if progress:
            progress(i + 1, len(paths))
    empty = [tuple(np.empty((0, v.size_px, v.size_px, 3), np.uint8) for v in views)]
    found = {f"crops{i}": one for i, one in enumerate(together(crops or empty))}
    with replacing(kept) as temporary, temporary.open("wb") as stored:
        np.savez(
            stored,
            allow_pickle=False,
            places=np.array(places, np.int64),
            skipped=np.array(json.dumps(skipped)),
            **found,
        )
