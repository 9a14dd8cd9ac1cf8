"""What an export says of one face, and of one photo in which no face was found.

A record is a flat set of fields with the same names in every format:

face_id                of the face in the collection that was exported; null for a photo
                       without faces, as are all fields of a face
path                   a file that holds the photo, for people to read
paths, gone_paths      all of them as file: addresses, which hold any byte
photo_sha256, size_bytes, height, width, taken_at, latitude, longitude, warnings
faces                  how many the photo has in all
face                   which of them this is, 1 for the first
x1, y1, x2, y2         of its box, in photo pixels
landmarks              x, y of five points, in photo pixels; null where they are unknown
score, quality         0 to 1
person                 the name that somebody gave to the face
embedding              D numbers that are float32
crop                   the face as a small JPEG, where that was asked for
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1  # of the fields and their meaning
PHOTO_FIELDS = (
    *("path", "paths", "gone_paths", "photo_sha256", "size_bytes", "height", "width"),
    *("taken_at", "latitude", "longitude", "warnings", "faces"),
)
FACE_FIELDS = (
    *("face_id", "face", "x1", "y1", "x2", "y2", "landmarks", "score", "quality", "person"),
)
FIELDS = PHOTO_FIELDS + FACE_FIELDS

UNREAD = "unread:"  # before the SHA-256 of a path, where no file told that of the photo
NETWORKS = ("detector", "detector_sha256", "embedder", "embedder_sha256")


@dataclass(frozen=True, slots=True)
class Header:
    """What is true of all records of a file.

    made_by  the networks behind the embeddings, each with the SHA-256 of its weights, and the
             recipe by which photos were searched if one is recorded
    """

    made_by: dict[str, str]
    dim: int
    metric: str = "cosine"

    def fields(self) -> dict[str, Any]:
        return {
            "retrieve_export": VERSION,
            **self.made_by,
            "dim": self.dim,
            "metric": self.metric,
        }


@dataclass(frozen=True, slots=True, eq=False)
class FaceRecord:
    """The part of a record that is about a face.

    landmarks  (5, 2) float32, NaN where they are unknown
    """

    face_id: int | None
    number: int
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float
    quality: float
    person: str | None
    embedding: NDArray[np.float32]
    crop: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One face with its photo, or a photo without faces.

    place  degrees north and east, or None
    faces  how many the photo has in all
    """

    paths: tuple[Path, ...]
    gone_paths: tuple[Path, ...]
    sha256: str
    size_bytes: int
    size: tuple[int, int]
    taken_at: str | None
    place: tuple[float, float] | None
    warnings: tuple[str, ...]
    faces: int
    face: FaceRecord | None = None


def fields_of(record: Record) -> dict[str, Any]:
    """The record as plain values; `embedding` stays an array, and `crop` bytes."""
    latitude, longitude = record.place or (None, None)
    shown = next(iter(record.paths + record.gone_paths), None)
    fields: dict[str, Any] = {
        "path": None if shown is None else os.fsencode(shown).decode("utf-8", "backslashreplace"),
        "paths": [path.absolute().as_uri() for path in record.paths],
        "gone_paths": [path.absolute().as_uri() for path in record.gone_paths],
        "photo_sha256": record.sha256,
        "size_bytes": record.size_bytes,
        "height": record.size[0],
        "width": record.size[1],
        "taken_at": record.taken_at,
        "latitude": latitude,
        "longitude": longitude,
        "warnings": list(record.warnings),
        "faces": record.faces,
    }
    face = record.face
    if face is None:
        return fields | dict.fromkeys((*FACE_FIELDS, "embedding", "crop"))
    known = bool(np.isfinite(face.landmarks).all())
    x1, y1, x2, y2 = (short(value) for value in face.box)
    return fields | {
        "face_id": face.face_id,
        "face": face.number,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "landmarks": [short(value) for value in face.landmarks.ravel()] if known else None,
        "score": face.score,
        "quality": face.quality,
        "person": face.person,
        "embedding": face.embedding,
        "crop": face.crop,
    }


def short(value: np.float32) -> float:
    """A float whose shortest decimal has nine digits and is still this float32."""
    return float(f"{value:.9g}")
