"""Records of faces → a collection: what it knows stays, what it lacks is added.

A photo is known by its SHA-256 and a face by its number in the photo, which the same
detector gives to the same face. So a file may be imported twice, in parts, in any order.
What was forgotten here comes back with a file that was written before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np

from retrieve.errors import CollectionError
from retrieve.faces.detection.recipe import without_recipe
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import FACES
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.collection import Collection
from retrieve.indexes.exchange.records import FaceRecord, Header, Record
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.people import statements
from retrieve.indexes.search import traces
from retrieve.indexes.vectors.spaces import Space
from retrieve.types import Face

BATCH_RECORDS = 1024  # between two commits
BROKEN_KEPT = 1000  # of the records that could not be used; the others are counted

Row = tuple[str, Record | str]  # where a record stands, and what it says or why it does not
OnProgress = Callable[[int], None]  # records so far


@dataclass(frozen=True, slots=True)
class Broken:
    """One record that was left out, and why."""

    where: str
    reason: str


@dataclass(slots=True)
class Imported:
    """What an import did.

    photos, faces              added
    known_photos, known_faces  that the collection had; their names and paths may be new
    named                      faces that got a name
    names_kept                 faces that have another name here, which they keep
    incomplete                 photos that have faces which were not in the file
    broken                     the first records that could not be used
    broken_count               all of them
    """

    photos: int = 0
    faces: int = 0
    known_photos: int = 0
    known_faces: int = 0
    named: int = 0
    names_kept: int = 0
    incomplete: int = 0
    broken_count: int = 0
    broken: list[Broken] = field(default_factory=list)

    def add_broken(self, where: str, reason: str) -> None:
        self.broken_count += 1
        if len(self.broken) < BROKEN_KEPT:
            self.broken.append(Broken(where, reason))


def put(
    collection: Collection,
    header: Header,
    rows: Iterable[Row],
    *,
    on_progress: OnProgress | None = None,
) -> Imported:
    """Store what the rows say, batch by batch, each in one transaction.

    header  what made the embeddings: a new collection becomes one of these networks
    raises  CollectionError, with nothing changed, if the collection holds those of others
    """
    _prepare(collection, header)
    importer = _Importer(collection, without_recipe(header.made_by))
    batch: list[tuple[str, Record]] = []
    with collection.engine.building(collection.path / CATALOG) as on_commit:
        for done, (where, record) in enumerate(rows, 1):
            if isinstance(record, str):
                importer.report.add_broken(where, record)
            else:
                batch.append((where, record))
            if len(batch) == BATCH_RECORDS:
                importer.store(batch)
                batch = []
                on_commit()
            if on_progress is not None:
                on_progress(done)
        importer.store(batch)
    statements.settle(collection.db)
    collection.engine.build()
    return importer.finished()


def _prepare(collection: Collection, header: Header) -> None:
    """Make the space of faces if it is new, and finish what a writer that died left over."""
    with writing(collection.db):
        space = collection.faces.space()
        if space is None:
            space = Space(FACES, FACES, header.made_by, header.dim, header.metric)
            collection.faces.create(space)
    ours, theirs = (without_recipe(one.made_by) for one in (space, header))
    if (ours, space.dim) != (theirs, header.dim):
        held, given = space.made_by, header.made_by
        raise CollectionError(
            f"{collection.path} holds {space.dim}-d faces of {held['detector']} and "
            f"{held['embedder']} (weights {held['embedder_sha256'][:8]}); the file holds "
            f"{header.dim}-d ones of {given['detector']} and {given['embedder']} (weights "
            f"{given['embedder_sha256'][:8]}), which cannot be compared with them. "
            "Import it into another --collection"
        )
    traces.finish(collection.db, collection.path)


class _Importer:
    """Stores batches and counts what that means."""

    def __init__(self, collection: Collection, made_by: dict[str, str]) -> None:
        self._made_by = made_by
        self._db = collection.db
        self._catalog = collection.catalog
        self._vectors = collection.faces
        self.report = Imported()
        self._incomplete: set[int] = set()
        self._counted: set[int] = set()

    def finished(self) -> Imported:
        self.report.incomplete = len(self._incomplete)
        return self.report

    def store(self, batch: list[tuple[str, Record]]) -> None:
        """One transaction."""
        if not batch:
            return
        new: dict[tuple[int, int], FaceRecord] = {}
        names: dict[str, list[int]] = {}
        expected: dict[int, int] = {}
        with writing(self._db):
            for _, group in groupby(batch, key=lambda item: item[1].sha256):
                found = list(group)
                content_id = self._photo(found)
                if content_id is not None:
                    expected[content_id] = max(record.faces for _, record in found)
                    self._look_at_faces(content_id, [record for _, record in found], new, names)
            self._store_faces(new, names)
            statements.say_names(self._db, names)
            self._catalog.set_live(expected)
            for content_id, faces in expected.items():
                self._look_whether_complete(content_id, faces)

    def _photo(self, found: list[tuple[str, Record]]) -> int | None:
        """The photo's id, with its paths stored; None if the collection cannot hold it."""
        record = found[0][1]
        content_id = self._catalog.content_id(record.sha256)
        here = [path for path in record.paths if self._is_free(path, content_id)]
        away = [path for path in record.gone_paths if self._catalog.path(path) is None]
        if content_id is None:
            if record.paths and not here:
                for where, _ in found:
                    self.report.add_broken(
                        where, f"{record.paths[0]} holds another photo in this collection"
                    )
                return None
            content_id = self._catalog.add_photo(
                NewPhoto(
                    record.sha256,
                    record.size_bytes,
                    record.size,
                    record.taken_at,
                    record.warnings,
                    record.place,
                )
            )
            if record.place is None:  # the next run of the indexer looks for it
                self._db.execute("UPDATE contents SET placed = 0 WHERE id = ?", [content_id])
            self.report.photos += 1
            self._counted.add(content_id)
        elif content_id not in self._counted:
            self.report.known_photos += 1
            self._counted.add(content_id)
        for path in here + away:
            self._put_path(path, record.size_bytes, content_id, gone=path in away)
        return content_id

    def _is_free(self, path: Path, content_id: int | None) -> bool:
        """Whether nothing better than a record is known about the path: nobody looked there."""
        known = self._catalog.path(path)
        return (
            known is None or (known.gone and known.content_id != content_id) or bool(known.reason)
        )

    def _put_path(self, path: Path, size_bytes: int, content_id: int, *, gone: bool) -> None:
        # Times of no file: the indexer reads it once, finds its content known and goes on.
        id = self._catalog.put_path(
            Found(path, size_bytes, 0, 0), content_id=content_id, reason=None
        )
        if gone:
            self._db.execute("UPDATE paths SET gone = 1 WHERE id = ?", [id])

    def _look_at_faces(
        self,
        content_id: int,
        records: list[Record],
        new: dict[tuple[int, int], FaceRecord],
        names: dict[str, list[int]],
    ) -> None:
        """Faces that are not stored go to `new`; those that are get the names that they lack."""
        known = {
            number: (id, name)
            for number, id, name in self._db.execute(
                "SELECT number, faces.id, name FROM faces LEFT JOIN persons "
                "ON persons.id = person_id WHERE content_id = ?",
                [content_id],
            )
        }
        for face in (record.face for record in records):
            if face is None:
                continue
            if face.number not in known and (content_id, face.number) not in new:
                new[content_id, face.number] = face
                continue
            self.report.known_faces += 1
            id, name = known.get(face.number, (None, face.person))
            if id is not None and face.person is not None and name is None:
                names.setdefault(face.person, []).append(id)
                self.report.named += 1
            elif face.person is not None and not persons.same_name(name or "", face.person):
                self.report.names_kept += 1

    def _store_faces(
        self, new: dict[tuple[int, int], FaceRecord], names: dict[str, list[int]]
    ) -> None:
        if not new:
            return
        first = self._vectors.append(
            np.stack([face.embedding for face in new.values()]), made_by=self._made_by
        )
        for row, ((content_id, number), record) in enumerate(new.items(), first):
            face = Face(record.box, record.landmarks, record.score)
            id = self._catalog.add_face(row, content_id, number, face, record.quality)
            if record.crop is not None:
                self._catalog.add_crop(id, record.crop)
            if record.person is not None:
                names.setdefault(record.person, []).append(id)
                self.report.named += 1
        self.report.faces += len(new)

    def _look_whether_complete(self, content_id: int, faces: int) -> None:
        query = "SELECT count(*) FROM faces WHERE content_id = ?"
        if self._db.execute(query, [content_id]).fetchone()[0] < faces:
            self._incomplete.add(content_id)
        else:
            self._incomplete.discard(content_id)
