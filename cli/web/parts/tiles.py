"""Hits and photos as pages draw them: a photo with the faces that count marked in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieve.indexes.collection import Collection
from retrieve.indexes.people.listing import Member
from retrieve.types import Hit, PictureHit, TextHit


@dataclass(frozen=True, slots=True)
class Mark:
    """A face in a photo: its edge in photo pixels."""

    face_id: int
    number: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tile:
    """A photo in a grid.

    size         (height, width) of the upright photo
    probability  of a hit, that it is the same person or picture
    itself       it is what was asked for
    said         the passage that was found, if it was found for words
    """

    photo_id: int
    path: Path
    size: tuple[int, int]
    taken_at: str | None
    marks: tuple[Mark, ...] = ()
    score: float | None = None
    probability: float | None = None
    itself: bool = False
    people: tuple[str, ...] = ()
    said: TextHit | None = None


def mark_of(face_id: int, number: int, box: Sequence[float]) -> Mark:
    """From x1, y1, x2, y2."""
    x1, y1, x2, y2 = (round(float(edge), 1) for edge in box)
    return Mark(face_id, number, x1, y1, round(x2 - x1, 1), round(y2 - y1, 1))


def of_faces(collection: Collection, hits: Sequence[Hit]) -> list[Tile]:
    """Photos with the faces that were found."""
    seen = collection.stored.faces([hit.face_id for hit in hits])
    photo_of = {one.face.id: one.photo_id for one in seen}
    photos = collection.stored.photos_at(photo_of.values())
    tiles = []
    for hit in hits:
        photo = photos.get(photo_of.get(hit.face_id, 0))
        if photo is not None:
            mark = mark_of(hit.face_id, hit.number, hit.face.box.tolist())
            tiles.append(
                Tile(
                    photo.photo_id,
                    hit.path,
                    photo.size,
                    hit.taken_at,
                    (mark,),
                    hit.score,
                    hit.probability,
                    hit.itself,
                    (hit.person,) if hit.person else (),
                )
            )
    return tiles


def of_passages(collection: Collection, hits: Sequence[TextHit]) -> list[Tile | TextHit]:
    """Photos as tiles; what stands in texts as it was found."""
    photos = collection.stored.photos_at(hit.group for hit in hits if hit.kind == "photo")
    made: list[Tile | TextHit] = []
    for hit in hits:
        photo = photos.get(hit.group) if hit.kind == "photo" else None
        if photo is None:
            made.append(hit)
            continue
        face = hit.face
        marks = () if face is None else (mark_of(face.face_id, face.number, face.face.box),)  # type: ignore[arg-type]
        made.append(
            Tile(
                photo.photo_id,
                hit.path,
                photo.size,
                hit.taken_at,
                marks,
                probability=None if face is None else face.probability,
                people=hit.persons,
                said=hit,
            )
        )
    return made


def of_photos(photos: Iterable[PictureHit], *, scored: bool = False) -> list[Tile]:
    """Photos, with how alike they are if they were searched for."""
    return [
        Tile(
            one.photo_id,
            one.path,
            one.size,
            one.taken_at,
            score=one.score if scored else None,
            probability=one.probability if scored else None,
            itself=one.itself,
        )
        for one in photos
    ]


def of_members(collection: Collection, members: Sequence[Member]) -> list[Tile]:
    """Photos of somebody, with their faces, once each; in the order of the faces."""
    seen = collection.stored.faces([one.face_id for one in members])
    photo_of = {one.face.id: one.photo_id for one in seen}
    by_photo: dict[int, list[Member]] = {}
    for one in members:
        if one.face_id in photo_of:
            by_photo.setdefault(photo_of[one.face_id], []).append(one)
    photos = collection.stored.photos_at(by_photo)
    return [
        Tile(
            id,
            photos[id].path,
            photos[id].size,
            photos[id].taken_at,
            tuple(mark_of(one.face_id, one.number, one.box) for one in some),
        )
        for id, some in by_photo.items()
        if id in photos
    ]
