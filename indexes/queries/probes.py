"""What is searched for, with the hits of each of its faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput
from retrieve.types import Crops, Face, Hit, Skipped

if TYPE_CHECKING:
    from retrieve.faces.extract import PhotoFaces


@dataclass(frozen=True, slots=True, eq=False)
class ProbeFace:
    """One face of a probe photo and what resembles it, best first.

    number  1 for the first face of the photo
    crop    (S, S, 3) uint8 RGB, as the embedder saw it; of a stored face its small picture
    """

    number: int
    face: Face
    crop: Crops
    quality: float
    hits: list[Hit]


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """One probe photo; `reason` says why it could not be used, else it is None."""

    path: Path
    faces: list[ProbeFace]
    reason: str | None = None


def numbered(found: PhotoFaces | Skipped, face: int | None) -> list[int]:
    """Which faces of a photo are searched for, by number.

    raises  BadInput if there is no face of that number
    """
    if isinstance(found, Skipped):
        return []
    if face is None:
        return list(range(1, len(found.faces) + 1))
    if not 1 <= face <= len(found.faces):
        raise BadInput(f"{found.photo.path} has {len(found.faces)} faces; there is no face {face}")
    return [face]


def probe_face(found: PhotoFaces, number: int, hits: list[Hit]) -> ProbeFace:
    """The face of that number with its hits."""
    i = number - 1
    return ProbeFace(number, found.faces[i], found.crops[i], float(found.quality[i]), hits)
