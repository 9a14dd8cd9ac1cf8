"""Faces as statements name them, by photo and box, and which stored faces these are.

A face is the same where the photo has the same SHA-256 and the boxes overlap by more than half of
their union: so it is found again after another detection, in a collection made anew from nothing
too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import among

SAME_BOX = 0.5  # common area over that of the union

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class FaceRef:
    """A face by the SHA-256 of its photo and its box there: x1, y1, x2, y2 in photo pixels."""

    sha256: str
    box: Box


def refs_of(db: Database, face_ids: Iterable[int]) -> dict[int, FaceRef]:
    """How statements name some stored faces, by id."""
    query = (
        "SELECT faces.id, sha256, x1, y1, x2, y2 FROM faces "
        "JOIN contents ON contents.id = content_id WHERE faces.id"
    )
    return {id: FaceRef(sha256, tuple(box)) for id, sha256, *box in among(db, query, face_ids)}


def written(refs: Iterable[FaceRef]) -> str:
    """Some faces as a statement's line holds them."""
    return json.dumps([[ref.sha256, list(ref.box)] for ref in refs], separators=(",", ":"))


def read(text: str) -> tuple[FaceRef, ...]:
    """The faces of a statement's line; raises CollectionError if that is damaged."""
    try:
        return tuple(FaceRef(str(sha256), _box(box)) for sha256, box in json.loads(text))
    except (ValueError, TypeError) as error:
        raise CollectionError(
            "the catalog is damaged: a statement names faces as no statement does. What is damaged "
            "is told by: retrieve check"
        ) from error


class Finder:
    """Finds the faces that statements name.

    A face that is not stored (any more) gets a negative number, and the same one each time.
    """

    def __init__(self, db: Database, refs: Iterable[FaceRef]) -> None:
        self._stored: dict[str, list[tuple[int, Box]]] = {}
        self._exactly: dict[FaceRef, int] = {}  # a photo may have hundreds of faces
        self._gone: dict[str, list[tuple[int, Box]]] = {}
        self._last = 0
        self.look(db, refs)

    def look(self, db: Database, refs: Iterable[FaceRef]) -> None:
        """Look for the photos of some more faces."""
        unknown = {ref.sha256 for ref in refs} - self._stored.keys()
        query = (
            "SELECT sha256, faces.id, x1, y1, x2, y2 FROM faces "
            "JOIN contents ON contents.id = content_id WHERE sha256"
        )
        for sha256, id, x1, y1, x2, y2 in among(db, query, unknown):
            box = (x1, y1, x2, y2)
            self._stored.setdefault(sha256, []).append((id, box))
            self._exactly.setdefault(FaceRef(sha256, box), id)

    def stored(self, ref: FaceRef) -> int | None:
        """The id of that face, None if it is not stored."""
        id = self._exactly.get(ref)  # nearly always
        return _same(self._stored.get(ref.sha256, []), ref.box) if id is None else id

    def find(self, ref: FaceRef) -> int:
        """The id of that face, or its negative number."""
        id = self.stored(ref)
        if id is None:
            gone = self._gone.setdefault(ref.sha256, [])
            id = _same(gone, ref.box)
            if id is None:
                self._last -= 1
                id = self._last
                gone.append((id, ref.box))
        return id


def _same(known: Iterable[tuple[int, Box]], box: Box) -> int | None:
    """Which of some faces has a box the most like one, and enough."""
    overlaps = [(_overlap(one, box), id) for id, one in known]
    best, id = max(overlaps, key=lambda one: one[0], default=(0.0, 0))
    return id if best > SAME_BOX else None


def _box(box: Iterable[float]) -> Box:
    x1, y1, x2, y2 = box
    return float(x1), float(y1), float(x2), float(y2)


def _overlap(a: Box, b: Box) -> float:
    """As boxes.overlap(), of two boxes: a statement names one face or a few."""
    if a == b:
        return 1.0
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return common / union if union > 0 else 0.0
