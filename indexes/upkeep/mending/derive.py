"""Damaged rows of the catalog made again from the files that they were read from.

What a file says now is believed where it has the checksum that was kept of the row, and else where
the file has the SHA-256 of its content and is all that the row was made of: the picture of a face,
a text and its passages. Of a photo's date and its faces that cannot be said (another version of a
decoder, a file beside it that is gone): such a row is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieve import photos
from retrieve.errors import BadInput
from retrieve.indexes.building.describing import Look, Said, seen_beside
from retrieve.indexes.building.jobs import Extracted
from retrieve.indexes.building.storing import new_photo
from retrieve.indexes.building.walk import look_at
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.contents import (
    PICTURE,
    TEXT,
    Columns,
    face_columns,
    photo_columns,
    text_columns,
)
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.passages import written_column
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import key_of
from retrieve.indexes.people import again
from retrieve.indexes.people.replay import replay
from retrieve.indexes.reembedding.reading import holding
from retrieve.indexes.search.texts import Placed
from retrieve.indexes.upkeep.mending import rows
from retrieve.indexes.upkeep.mending.ledger import OTHERWISE, Cut, Ledger
from retrieve.indexes.upkeep.mending.rows import Lost
from retrieve.metadata.names import name_words
from retrieve.types import OCR, Document, Passage, Skipped

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

NOT_OF_TEXTS: Columns = dict.fromkeys(("height", "width", "latitude", "longitude")) | {"turn": 0}
OF_FILES = f"path_id IS NULL AND kind <> '{OCR}'"  # passages
READ_AGAIN = "its words are read again by: retrieve index --ocr FOLDER"
LOOK_AGAIN = "its words are read again by: retrieve index FOLDER"


class Derivation:
    """One run over the rows that are damaged."""

    def __init__(
        self, collection: Collection, lost: Iterable[Lost], processes: int, time_limit_s: float
    ) -> None:
        """As repair()."""
        self._collection, self._db = collection, collection.db
        self._lost = Ledger(collection, lost, processes, time_limit_s)
        self._documents: dict[int, Document] = {}  # whose passages are to be stored anew
        self._renamed: set[int] = set()  # texts
        self._undescribed: set[int] = set()  # paths of photos

    @property
    def rows(self) -> int:
        """How many are what was written again, or were read anew."""
        return self._lost.mended

    @property
    def left(self) -> list[Lost]:
        """What stays damaged, with the reason where there is one."""
        return self._lost.left()

    def in_place(self) -> None:
        """Rows that keep their keys: all but passages that a newer reader reads otherwise.

        raises  CollectionError if a photo is to be looked at, and the networks are not those that
                made the collection
        """
        self._contents()
        self._paths()
        self._said()
        self._persons()
        self._faces()
        self._texts()
        self._descriptions()
        self._crops()

    def anew(self) -> None:
        """The others; the index of words has to be whole."""
        texts, catalog = self._collection.texts, self._collection.catalog
        for content_id, document in self._documents.items():
            if not self._lost_of(content_id):
                continue  # what was damaged was another's
            (embedded,) = texts.embed([document.passages])
            with writing(self._db):
                keys = self._lost_of(content_id)
                if not keys:
                    continue  # forgotten meanwhile
                texts.drop_content(content_id)
                catalog.renew_text(content_id, document)
                texts.store([Placed(content_id, None, document.title, embedded)])
                self._renamed.add(content_id)
            for key in keys:
                self._lost.done("passages", key)
        for key in self._lost.keys("passages"):
            query = "SELECT 1 FROM passages WHERE id = ? AND kind = ?"
            if self._db.execute(query, [key, OCR]).fetchone():
                self._lost.advise("passages", key, READ_AGAIN)
        with writing(self._db):
            texts.call(self._renamed)
            for path_id in self._undescribed:
                for key, _ in texts.passages.of_path(path_id):
                    if self._lost.holds("passages", key):
                        self._lost.advise("passages", key, LOOK_AGAIN)
                # They stay, known as damaged, till the next index puts others in their place.
                self._db.execute("UPDATE paths SET described = NULL WHERE id = ?", [path_id])

    def _lost_of(self, content_id: int) -> list[int]:
        """Damaged passages that a content says itself."""
        stored = self._collection.texts.passages.of_content(content_id)
        return [id for id, _ in stored if self._lost.holds("passages", id)]

    # Tables

    def _contents(self) -> None:
        tasks = [
            (key, path)
            for key in self._lost.keys("contents")
            for path in self._collection.catalog.paths_of(key)
            if path.is_file()
        ]
        for key, found in self._lost.read(tasks, "contents"):
            if not self._lost.holds("contents", key) or isinstance(found, Said):
                continue  # another of its files has told
            with writing(self._db):
                if isinstance(found, Document):
                    derived = NOT_OF_TEXTS | text_columns(found)
                else:
                    derived = photo_columns(new_photo(found))
                row = self._db.execute("SELECT sha256 FROM contents WHERE id = ?", [key]).fetchone()
                query = "SELECT EXISTS (SELECT 1 FROM paths WHERE content_id = ? AND NOT gone)"
                derived["live"] = self._db.execute(query, [key]).fetchone()[0]
                if self._lost.proven("contents", key, derived):
                    continue
                if isinstance(found, Document) and row == (found.sha256,):
                    rows.renew(self._db, "contents", key, derived)
                    self._lost.done("contents", key)
                    self._renamed.add(key)
                else:
                    self._lost.explain("contents", key, OTHERWISE)

    def _paths(self) -> None:
        for key in self._lost.keys("paths"):
            row = self._db.execute(
                "SELECT path, content_id, names FROM paths WHERE id = ?", [key]
            ).fetchone()
            if row is None or not isinstance(row[0], (str, bytes)):
                continue
            path, content_id, names = path_of(row[0]), row[1], row[2]
            try:
                found = look_at(path)
                sha256 = photos.content_hash(path)
            except (photos.BadPhoto, ValueError) as error:  # ValueError: a zero in its name
                self._lost.explain("paths", key, str(error))
                continue
            if isinstance(found, Skipped):
                self._lost.explain("paths", key, found.reason)
                continue
            holds = self._collection.catalog.content_id(sha256)
            if holds is None and content_id is None:
                self._forget_skipped(key)
                continue
            if holds is None or not sums.is_sound(self._db, "contents", holds):
                self._lost.explain("paths", key, "its file has other content now")
                continue
            is_photo = self._collection.catalog.read_by(holds)[0] != TEXT
            derived: Columns = {
                "path": row[0],
                "content_id": holds,
                "reason": None,
                "size_bytes": found.size_bytes,
                "mtime_ns": found.mtime_ns,
                "ctime_ns": found.ctime_ns,
                "gone": 0,
                "described": seen_beside(path) if is_photo else None,
                "readers": None,
                "stopped": 0,
            }
            called = [None] if is_photo else [name_words(path, root) for root in _roots(path)]
            with writing(self._db):
                if any(
                    self._lost.proven("paths", key, derived | {"names": name}) for name in called
                ):
                    continue
                # Of the folder that was indexed nothing is known: the longest name may be too long.
                derived["names"] = names if names in called else called[0]
                derived["described"] = None  # looked at again by the next index
                rows.renew(self._db, "paths", key, derived)
                self._collection.catalog.set_live([holds])
                self._lost.done("paths", key)

    def _forget_skipped(self, key: int) -> None:
        """A file that is there and could not be used: the next index sees it as a new one."""
        with writing(self._db):
            query = "SELECT 1 FROM passages WHERE path_id = ?"
            if self._db.execute(query, [key]).fetchone() is None:
                self._db.execute("DELETE FROM paths WHERE id = ?", [key])
                self._lost.done("paths", key)

    def _said(self) -> None:
        """Lines of what people said: what holds says it again."""
        keys = self._lost.keys("statements")
        if keys:
            with writing(self._db):
                again.say_again(self._db, keys)
            for key in keys:
                self._lost.done("statements", key)

    def _persons(self) -> None:
        """Who somebody is, as the log says; whose a face is: there are only so many."""
        names, keys = self._lost.keys("persons"), self._lost.keys("faces")
        if names:
            held = replay(self._db)
            for key in names:
                name = held.names.get(key)
                derived: Columns = {
                    "name": name,
                    "key": None if name is None else key_of(name),
                    "ignored": int(key in held.ignored),
                }
                with writing(self._db):
                    self._lost.proven("persons", key, derived)
        known = [id for (id,) in self._db.execute("SELECT id FROM persons")] if keys else []
        places: list[Columns] = [
            {"person_id": None, "by": None, "not_a_face": 0},
            {"person_id": None, "by": None, "not_a_face": 1},
        ]
        places += [
            {"person_id": person, "by": by, "not_a_face": 0}
            for person in known
            for by in ("human", "group", "attached")
        ]
        for key in keys:
            with writing(self._db):
                for place in places:
                    if self._lost.proven("faces", key, place):
                        break

    def _faces(self) -> None:
        lost = self._lost.by_content("faces")
        for content_id, found in self._lost.read(self._lost.files(lost, "faces"), "faces", lost):
            if not isinstance(found, Extracted) or not self._lost.is_same(content_id, found.sha256):
                continue
            every = [
                face_columns(content_id, number, face, float(found.quality[number - 1]))
                for number, face in enumerate(found.faces, 1)
            ]
            for key in lost[content_id]:
                self._lost.one_of("faces", key, every)

    def _texts(self) -> None:
        """Passages of texts."""
        lost = {
            content_id: keys
            for content_id, keys in self._lost.by_content("passages", OF_FILES).items()
            if self._collection.catalog.read_by(content_id)[0] == TEXT
        }
        for content_id, found in self._lost.read(
            self._lost.files(lost, "passages"), "passages", lost
        ):
            if not isinstance(found, Document) or not self._lost.is_same(content_id, found.sha256):
                continue
            every = [
                _passage_columns(content_id, None, number, passage)
                for number, passage in enumerate(found.passages, 1)
            ]
            proven = [self._lost.one_of("passages", key, every) for key in lost[content_id]]
            if not all(proven):
                self._documents[content_id] = found

    def _descriptions(self) -> None:
        """Passages that photos, their names and the files beside them say."""
        lost: dict[int, list[int]] = {}
        tasks: list[tuple[int, Look]] = []
        for key in self._lost.keys("passages"):
            query = "SELECT path_id FROM passages WHERE id = ? AND path_id IS NOT NULL"
            for (path_id,) in self._db.execute(query, [key]).fetchall():
                lost.setdefault(path_id, []).append(key)
        for path_id in list(lost):
            row = self._db.execute(
                "SELECT path, content_id FROM paths WHERE id = ?", [path_id]
            ).fetchone()
            if row is None or not sums.is_sound(self._db, "paths", path_id):
                del lost[path_id]
                continue
            path = path_of(row[0])
            try:
                holding([path], self._sha256(row[1]))
            except BadInput as error:
                for key in lost[path_id]:
                    self._lost.explain("passages", key, str(error))
                continue
            # What folders are called is said, too, up to one of which nothing is known.
            tasks += [(path_id, Look(path, root)) for root in _roots(path)]
            self._undescribed.add(path_id)
        for path_id, found in self._lost.read(tasks, "passages", lost):
            if not isinstance(found, Said):
                continue
            query = "SELECT content_id FROM paths WHERE id = ?"
            (content_id,) = self._db.execute(query, [path_id]).fetchone()
            every = [
                _passage_columns(content_id, path_id, number, passage)
                for number, passage in enumerate(found.passages, 1)
            ]
            for key in lost[path_id]:
                self._lost.one_of("passages", key, every)
            if not any(self._lost.holds("passages", key) for key in lost[path_id]):
                self._undescribed.discard(path_id)

    def _sha256(self, content_id: int) -> str:
        """Of a content that is sound; of another one what no file has."""
        query = "SELECT sha256 FROM contents WHERE id = ?"
        is_sound = sums.is_sound(self._db, "contents", content_id)
        return str(self._db.execute(query, [content_id]).fetchone()[0]) if is_sound else ""

    def _crops(self) -> None:
        """Pictures of faces whose landmarks are known."""
        lost: dict[int, list[int]] = {}
        for key in self._lost.keys("crops"):
            query = "SELECT content_id FROM faces WHERE id = ?"
            row = self._db.execute(query, [key]).fetchone()
            if row is not None and sums.is_sound(self._db, "faces", key):
                lost.setdefault(row[0], []).append(key)
        ids: dict[int, list[int]] = {}
        tasks = []
        for content_id, path in self._lost.files(lost, "crops"):
            # All, for how sharp the photo is decoded depends on the smallest.
            query = "SELECT id FROM faces WHERE content_id = ? ORDER BY number"
            every = [id for (id,) in self._db.execute(query, [content_id])]
            known = self._collection.catalog.as_found(
                id for id in every if sums.is_sound(self._db, "faces", id)
            )
            ids[content_id] = [id for id in known if np.isfinite(known[id].landmarks).all()]
            tasks.append((content_id, Cut(path, tuple(known[id] for id in ids[content_id]))))
        for content_id, found in self._lost.read(tasks, "crops", lost):
            if not isinstance(found, Extracted) or not self._lost.is_same(content_id, found.sha256):
                continue
            pictures = dict(zip(ids[content_id], found.thumbnails, strict=True))
            with writing(self._db):
                for key in lost[content_id]:
                    if key not in pictures:
                        self._lost.explain("crops", key, "its landmarks are not known")
                        continue
                    picture: Columns = {"jpeg": pictures[key], "shows": PICTURE}
                    if self._lost.proven("crops", key, picture):
                        continue
                    # Whoever was forgotten meanwhile stays forgotten.
                    if sums.is_sound(self._db, "faces", key):
                        self._collection.catalog.put_crop(key, pictures[key], PICTURE)
                        self._lost.done("crops", key)


def _roots(path: Path) -> list[Path | None]:
    """Folders of which one was indexed, perhaps: name_words() of a file alone comes first."""
    return [None, *path.parents]


def _passage_columns(
    content_id: int, path_id: int | None, number: int, passage: Passage
) -> Columns:
    return {
        "content_id": content_id,
        "path_id": path_id,
        "number": number,
        "kind": passage.kind,
        "title": passage.title,
        "text": passage.text,
        "page": passage.page,
        "line": passage.line,
        "record": passage.record,
        "time_s": passage.time_s,
        "written": written_column(passage.written),
    }
