"""What a shard tells of some persons, faces and photos: questions (engines/engine.py).

Ids of faces, photos and files in what is told are the cluster's; those of persons always are.
"""

from __future__ import annotations

import json
from collections.abc import Collection as Those
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlite_utils import Database

from retrieve.indexes.catalog.database import among, reading
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.collection import Collection
from retrieve.indexes.people.refs import FaceRef, refs_of

T = TypeVar("T")

Row = tuple[Any, ...]
CONTENT = "id, sha256, size_bytes, kind, height, width, title, taken_at, warnings, live"
PATH = "id, path, content_id, reason, size_bytes, mtime_ns, ctime_ns, gone"
FACE = "id, content_id, number, x1, y1, x2, y2, score, quality, person_id, by, not_a_face"


@dataclass(frozen=True, slots=True)
class About:
    """What is asked for.

    persons  numbers
    keys     names without case and accents
    faces    ids of the cluster
    paths    of files, as the catalog has them
    sha256s  of photos
    """

    persons: frozenset[int] = frozenset()
    keys: frozenset[str] = frozenset()
    faces: frozenset[int] = frozenset()
    paths: frozenset[str | bytes] = frozenset()
    sha256s: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sought:
    """Of whom it is.

    persons  whose the faces are, and who has one of the names
    refs     how statements name the faces
    """

    persons: frozenset[int]
    refs: frozenset[FaceRef]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a shard's catalog with the columns above; of persons id, name, key, ignored.

    last_line  the last number that its log gave
    """

    last_line: int
    contents: list[Row] = field(default_factory=list)
    paths: list[Row] = field(default_factory=list)
    faces: list[Row] = field(default_factory=list)
    persons: list[Row] = field(default_factory=list)


def sought(collection: Collection, about: About, shard: int) -> Sought:
    """Whose the faces are and who has the names."""
    db = collection.db
    with reading(db):
        faces = _here(about.faces, shard)
        query = "SELECT DISTINCT person_id FROM faces WHERE person_id IS NOT NULL AND id"
        persons = {id for (id,) in among(db, query, faces)}
        persons |= {id for (id,) in among(db, "SELECT id FROM persons WHERE key", about.keys)}
        for content in _contents_of_paths(db, about.paths):
            query = "SELECT person_id FROM faces WHERE person_id IS NOT NULL AND content_id = ?"
            persons |= {id for (id,) in db.execute(query, [content])}
        return Sought(frozenset(persons), frozenset(refs_of(db, faces).values()))


def part(collection: Collection, about: About, shard: int) -> Part:
    """The photos with a face that is asked for, or of somebody who is, with all faces in them and
    everybody who is in them; the files, also those that could not be read.
    """
    db = collection.db
    with reading(db):
        photos = _contents_of_paths(db, about.paths)
        query = "SELECT DISTINCT content_id FROM faces WHERE"
        photos |= {id for (id,) in among(db, f"{query} person_id", about.persons)}
        photos |= {id for (id,) in among(db, f"{query} id", _here(about.faces, shard))}
        photos |= {id for (id,) in among(db, "SELECT id FROM contents WHERE sha256", about.sha256s)}
        faces = among(db, f"SELECT {FACE} FROM faces WHERE content_id", sorted(photos))
        persons = {row[9] for row in faces if row[9] is not None}
        persons |= {id for (id,) in among(db, "SELECT id FROM persons WHERE key", about.keys)}
        paths = among(db, f"SELECT {PATH} FROM paths WHERE content_id", sorted(photos))
        paths += among(
            db, f"SELECT {PATH} FROM paths WHERE content_id IS NULL AND path", about.paths
        )
        return Part(
            last_line(db),
            [_of(shard, row, 0) for row in _among(db, CONTENT, "contents", photos)],
            [_of(shard, row, 0, 2) for row in paths],
            [_of(shard, row, 0, 1) for row in faces],
            among(db, "SELECT id, name, key, ignored FROM persons WHERE id", sorted(persons)),
        )


def named_here(collection: Collection) -> list[Row]:
    """Number, name, key and ignored of everybody with a name, or whom nobody is to ask about."""
    return collection.db.execute(
        "SELECT id, name, key, ignored FROM persons WHERE name IS NOT NULL OR ignored ORDER BY id"
    ).fetchall()


def face_here(collection: Collection, id: int) -> bytes:
    """A question: a face as a small JPEG."""
    return collection.catalog.picture(id)


def last_line(db: Database) -> int:
    """The last number that a log gave."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'statements'").fetchone()
    return 0 if row is None else int(row[0])


def seen_together(
    collection: Collection, pairs: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Which of some pairs of persons one photo shows."""
    return [
        (one, other)
        for one, other in collection.db.execute(
            "WITH pairs AS (SELECT json_extract(value, '$[0]') AS one, json_extract(value, '$[1]') "
            "AS other FROM json_each(?)) SELECT one, other FROM pairs WHERE EXISTS (SELECT 1 FROM "
            "faces AS mine JOIN faces AS theirs USING (content_id) WHERE mine.person_id = one AND "
            "theirs.person_id = other)",
            [json.dumps([list(pair) for pair in pairs])],
        )
    ]


def _here(faces: Iterable[int], shard: int) -> list[int]:
    first = of_cluster(shard, 0)
    return sorted(id - first for id in faces if first <= id < of_cluster(shard + 1, 0))


def _contents_of_paths(db: Database, paths: Those[str | bytes]) -> set[int]:
    query = "SELECT content_id FROM paths WHERE content_id IS NOT NULL AND path"
    return {id for (id,) in among(db, query, paths)}


def _among(db: Database, columns: str, table: str, ids: Iterable[int]) -> list[Row]:
    return among(db, f"SELECT {columns} FROM {table} WHERE id", sorted(ids))


def _of(shard: int, row: Row, *places: int) -> Row:
    """A row whose values in some places are ids of the shard, with those of the cluster."""
    changed = list(row)
    for at in places:
        if changed[at] is not None:
            changed[at] = of_cluster(shard, changed[at])
    return tuple(changed)
