"""What is searched for, with the hits of each of its faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

from retrieve import notebook
from retrieve.errors import BadInput
from retrieve.types import Face, Hit, Pixels, Shards

if TYPE_CHECKING:
    from retrieve.faces.extract import PhotoFaces
    from retrieve.indexes.queries.thresholds import Threshold


@dataclass(frozen=True, slots=True, eq=False)
class ProbeFace:
    """One face of a probe photo and what resembles it, best first.

    number  1 for the first face of the photo
    crop    (S, S, 3) uint8 RGB, a small picture of it
    """

    number: int
    face: Face
    crop: Pixels
    quality: float
    hits: list[Hit]

    def __repr__(self) -> str:
        return f"ProbeFace({self.number}: {self.face}, {notebook.counted(len(self.hits), 'hit')})"

    def _repr_html_(self) -> str:
        return notebook.page(f"face {self.number}", (hit.card() for hit in self.hits))


@dataclass(frozen=True, slots=True, eq=False)
class Probe(Sequence[Hit]):
    """One probe photo and what was found for it: the hits of all its faces, best first.

        found = collection.search_faces("group.jpg")
        for hit in found: print(hit.rank, hit.path, hit.score)
        for face in found.faces: print(face.number, face.hits)

    path    the photo's file, None of one that was given as bytes, image or array
    faces   its faces, each with its own hits
    reason  why it could not be used, else None
    least   the lowest score of a hit, among how many, and how often strangers reach it; None where
            nothing was searched
    shards  of a cluster: how many of them it comes from
    hits    of all faces together, a stored face once, ranked anew; first the faces of the photo
            itself, where it is stored
    """

    path: Path | None
    faces: list[ProbeFace]
    reason: str | None = None
    least: Threshold | None = None
    shards: Shards | None = None
    hits: list[Hit] = field(init=False)

    def __post_init__(self) -> None:
        best: dict[int, Hit] = {}
        every = (hit for face in self.faces for hit in face.hits)
        for hit in sorted(every, key=lambda hit: -hit.score):
            best.setdefault(hit.face_id, hit)
        itself = [hit for hit in best.values() if hit.itself]
        others = [hit for hit in best.values() if not hit.itself]
        ranked = itself + [replace(hit, rank=rank) for rank, hit in enumerate(others, 1)]
        object.__setattr__(self, "hits", ranked)  # it is frozen

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return "the photo" if self.path is None else str(self.path)

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, which: int) -> Hit: ...
    @overload
    def __getitem__(self, which: slice) -> list[Hit]: ...
    def __getitem__(self, which: int | slice) -> Hit | list[Hit]:
        return self.hits[which]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __repr__(self) -> str:
        if self.reason is not None:
            return f"Probe({self.name}: {self.reason})"
        return f"Probe({self._summary()})"

    def _repr_html_(self) -> str:
        return notebook.page(self._summary(), (hit.card() for hit in self))

    def _summary(self) -> str:
        faces, hits = notebook.counted(len(self.faces), "face"), notebook.counted(len(self), "hit")
        return f"{self.name}: {faces}, {hits}"


def numbered(found: PhotoFaces, face: int | None) -> list[int]:
    """Which faces of a photo are searched for, by number.

    raises  BadInput if there is no face of that number
    """
    if face is None:
        return list(range(1, len(found.faces) + 1))
    if not 1 <= face <= len(found.faces):
        raise BadInput(f"{found.photo.name} has {len(found.faces)} faces; there is no face {face}")
    return [face]


def probe_face(found: PhotoFaces, number: int, hits: list[Hit]) -> ProbeFace:
    """The face of that number with its hits."""
    i = number - 1
    return ProbeFace(number, found.faces[i], found.pictures[i], float(found.quality[i]), hits)
