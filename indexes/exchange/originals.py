"""The photos behind faces of other programs, read for what those do not tell.

The content's hash, size, date and place, and a small picture of each face; no network runs.
Photos are decoded in processes of their own (indexes/building/workers.py).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve import photos
from retrieve.faces.embedding.views import PICTURE
from retrieve.indexes.building import jobs, workers
from retrieve.indexes.building.jobs import Extracted
from retrieve.indexes.building.workers import Work
from retrieve.indexes.exchange.records import UNREAD, FaceRecord, Record
from retrieve.types import Skipped

Box = NDArray[np.float32]  # (4,) x1, y1, x2, y2 in photo pixels


@dataclass(frozen=True, slots=True, eq=False)
class ForeignFace:
    """A face as another program states it.

    where  the statement stands, for people
    box    None where it is not told: then it is the whole photo
    """

    where: str
    box: Box | None
    embedding: NDArray[np.float32]


def records(
    faces: Mapping[Path, list[ForeignFace]],
    unread: list[Skipped],
    *,
    processes: int = workers.WORKERS,
) -> Iterator[tuple[str, Record]]:
    """A record for each face and each photo without one, in the order in which they are read.

    unread  gets the files that cannot be read; their faces are known by the path alone
    """
    boxes = {path: [face.box for face in found] for path, found in faces.items()}
    paths = ((path, path) for path in faces)
    for path, outcome in workers.run(partial(_opened, boxes), paths, workers=processes):
        if isinstance(outcome, str):
            unread.append(Skipped(path, outcome))
        yield from _records(path, faces[path], outcome)


def _opened(boxes: dict[Path, list[Box | None]]) -> Work[Extracted]:
    """In a new worker."""
    return partial(_read, boxes)


def _read(boxes: dict[Path, list[Box | None]], path: Path) -> Extracted:
    """What is wanted of one photo: no faces, but a picture for each box."""
    photo = photos.read(path)
    image = Image.fromarray(photo.pixels)
    whole = np.array([0, 0, photo.size[1], photo.size[0]], np.float32)
    crops = [_crop(image, (whole if box is None else box) * photo.scale) for box in boxes[path]]
    return Extracted(
        photo.sha256,
        photo.size_bytes,
        photo.size,
        photo.taken_at,
        photo.warnings,
        [],
        (),
        np.empty(0, np.float32),
        [jobs.jpeg(crop) for crop in crops],
        photo.place,
    )


def _crop(image: Image.Image, box: Box) -> NDArray[np.uint8]:
    """The square around a box, black outside the photo."""
    centre, half = (box[:2] + box[2:]) / 2, max(float((box[2:] - box[:2]).max()) / 2, 1.0)
    corners = (*(centre - half).tolist(), *(centre + half).tolist())
    side = PICTURE.size_px
    return np.asarray(image.transform((side, side), Image.Transform.EXTENT, corners))


def _records(
    path: Path, faces: list[ForeignFace], read: Extracted | str
) -> Iterator[tuple[str, Record]]:
    if isinstance(read, str):
        digest = UNREAD + hashlib.sha256(os.fsencode(path)).hexdigest()
        photo = Record((path,), (), digest, 0, (0, 0), None, None, (), len(faces))
        crops: list[bytes | None] = [None] * len(faces)
    else:
        about = (read.sha256, read.size_bytes, read.size, read.taken_at, read.place, read.warnings)
        photo = Record((path,), (), *about, len(faces))
        crops = list(read.thumbnails)
    if not faces:
        yield str(path), photo
    height, width = photo.size
    unknown = np.full((5, 2), np.nan, np.float32)
    for number, (face, crop) in enumerate(zip(faces, crops, strict=True), 1):
        box = np.array([0, 0, width, height], np.float32) if face.box is None else face.box
        stated = FaceRecord(None, number, box, unknown, 0.0, 0.0, None, face.embedding, crop)
        yield face.where, replace(photo, face=stated)
