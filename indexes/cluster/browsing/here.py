"""What a shard tells of what lies in it: questions (engines/engine.py), in ids of the shard."""

from __future__ import annotations

from collections.abc import Sequence

from retrieve.indexes import browsing
from retrieve.indexes.browsing import Last, NotStored, SeenFace, SeenPhoto, SeenText, Sides
from retrieve.indexes.catalog.database import among, reading
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.catalog.passages import StoredPassage
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.catalog.persons import Person, persons
from retrieve.indexes.cluster.searching import conditions
from retrieve.indexes.collection import Collection
from retrieve.types import PictureHit


def photos(
    collection: Collection, wanted: Filter, most: int, after: Last | None
) -> tuple[list[PictureHit], tuple[str, ...]]:
    """Photos of the shard, and whom it knows of the persons asked for."""
    with reading(collection.db):
        found, known = conditions.here(collection.db, wanted)
        if found is None:
            return [], known
        return collection.stored.photos(found, most=most, after=after), known


def photo(collection: Collection, id: int) -> SeenPhoto:
    """A photo with all that is known of it."""
    with reading(collection.db):
        return collection.stored.photo(id)


def photos_at(collection: Collection, ids: Sequence[int]) -> dict[int, PictureHit]:
    """Photos by id."""
    return collection.stored.photos_at(ids)


def has_looks(collection: Collection, id: int) -> bool:
    """Whether a photo was looked at as a whole."""
    return collection.stored.has_looks(id)


def taken_at(collection: Collection, id: int) -> str | None:
    """When a photo was taken."""
    return browsing.taken_at(collection.opened, id)


def around(collection: Collection, when: str, most: int, id: int) -> Sides:
    """The photos of the shard just before and just after a moment, and an id."""
    with reading(collection.db):
        return browsing.around(collection.opened, when, id, most=most)


def faces(collection: Collection, ids: Sequence[int]) -> list[SeenFace]:
    """Stored faces in that order."""
    with reading(collection.db):
        return collection.stored.faces(ids)


def face(collection: Collection, id: int) -> SeenFace:
    """A stored face."""
    with reading(collection.db):
        return collection.stored.face(id)


def picture(collection: Collection, id: int) -> bytes:
    """A stored face as a small JPEG."""
    query = "SELECT 1 FROM faces WHERE id = ?"
    if collection.db.execute(query, [id]).fetchone() is None:
        raise NotStored(f"there is no stored face with the id {id}")
    return collection.picture(id)


def texts(collection: Collection, most: int, after: Last | None) -> list[SeenText]:
    """Texts of the shard."""
    with reading(collection.db):
        return collection.stored.texts(most=most, after=after)


def text(collection: Collection, id: int) -> SeenText:
    """A text."""
    with reading(collection.db):
        return collection.stored.text(id)


def passages(collection: Collection, id: int) -> list[StoredPassage]:
    """What a text or a photo says."""
    with reading(collection.db):
        return collection.stored.passages(id)


def everybody(collection: Collection) -> list[Person]:
    """Everybody, with how many faces and photos of theirs the shard has."""
    return persons(collection.db, named=False)


def best_faces(collection: Collection, ids: Sequence[int]) -> dict[int, tuple[float, int]]:
    """Of each of some persons the face that shows best: its quality, and its id."""
    with reading(collection.db):
        best = browsing.best_faces(collection.opened, ids)
        query = "SELECT id, quality FROM faces WHERE id"
        quality = dict(among(collection.db, query, list(best.values())))
        return {person: (quality[face], face) for person, face in best.items()}


def months(collection: Collection) -> list[tuple[str | None, int]]:
    """How many photos there are of each month."""
    return collection.stored.months()


def places(collection: Collection) -> list[tuple[float, float]]:
    """Where photos were taken."""
    return collection.stored.places()


def file_of(collection: Collection, id: int, kind: str) -> Found:
    """The first living file of a photo or a text."""
    with reading(collection.db):
        return collection.stored.file_of(id, kind)
