"""Contents, the files that hold them, and the faces in them, in the collection's SQLite file.

Photos and texts are contents, known by the SHA-256 of their bytes; paths are files that hold
them. A path that vanishes is marked gone and kept, so that a drive that was not
mounted costs nothing when it comes back.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.checked import Joined
from retrieve.indexes.catalog.database import among, pragma, writing
from retrieve.indexes.catalog.paths import Found, path_of, stored, under
from retrieve.indexes.catalog.sums import Row, as_stored, check_row, torn
from retrieve.types import Document, Face, PictureHit, Skipped

PHOTO, TEXT = "photo", "text"  # kinds of content
BOX = ("x1", "y1", "x2", "y2")  # columns
PICTURE = "picture"  # what a stored picture shows: views.PICTURE


@dataclass(frozen=True, slots=True)
class KnownPath:
    """What the catalog says about one file.

    content_id, reason  one of them is set: what it holds, or why it was skipped
    found               the file as it was seen then
    placed              whether the photo's place was looked for; older versions did not
    kind                of the content, photo or text; None if it was skipped
    described           the files beside a photo that describe it, as they were seen; None if
                        they were not looked for: older versions did not
    reader              which of our readers read the content; None where older versions did
    readers             those that may have tried a file that was skipped; None likewise
    stopped             how often in turn reading the file was stopped
    """

    id: int
    content_id: int | None
    reason: str | None
    found: Found
    gone: bool
    placed: bool = True
    kind: str | None = PHOTO
    described: str | None = None
    reader: str | None = None
    readers: str | None = None
    stopped: int = 0


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo to be stored; its faces are stored beside it.

    place  degrees north and east, or None
    turn   degrees clockwise by which it was turned to find its faces
    reader which read what it says, None where nobody did
    """

    sha256: str
    size_bytes: int
    size: tuple[int, int]
    taken_at: str | None
    warnings: tuple[str, ...]
    place: tuple[float, float] | None = None
    turn: int = 0
    reader: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StoredFace:
    """One face as a hit needs it; `path` is the first living file that holds its photo.

    row     of its embedding, in the generation that is current
    person  the name that somebody gave to the face
    """

    id: int
    row: int
    number: int
    face: Face
    quality: float
    path: Path
    taken_at: str | None
    person: str | None


Columns = dict[str, str | float | bytes | None]  # of a row, with their values


def photo_columns(photo: NewPhoto) -> Columns:
    """What is stored of a photo that is new."""
    return {
        "sha256": photo.sha256,
        "size_bytes": photo.size_bytes,
        "kind": PHOTO,
        "height": photo.size[0],
        "width": photo.size[1],
        "title": "",
        "taken_at": photo.taken_at,
        "warnings": json.dumps(photo.warnings, ensure_ascii=False),
        "latitude": photo.place[0] if photo.place else None,
        "longitude": photo.place[1] if photo.place else None,
        "placed": 1,
        "turn": photo.turn,
        "reader": photo.reader,
    }


def text_columns(document: Document) -> Columns:
    """What is stored of a document that is new, beside its passages."""
    return {
        "sha256": document.sha256,
        "size_bytes": document.size_bytes,
        "kind": TEXT,
        "title": document.title,
        "taken_at": document.written_at,
        "warnings": json.dumps(document.warnings, ensure_ascii=False),
        "placed": 1,
        "reader": document.reader or None,
    }


def face_columns(content_id: int, number: int, face: Face, quality: float) -> Columns:
    """What is stored of a face, but for its person and where its embedding lies."""
    x1, y1, x2, y2 = face.box.tolist()
    return {
        "content_id": content_id,
        "number": number,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "landmarks": face.landmarks.astype("<f4").tobytes(),
        "score": face.score,
        "quality": quality,
    }


class Catalog:
    """What a collection knows of contents and faces; not for use by several threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def close(self) -> None:
        self._db.conn.close()

    @property
    def db(self) -> Database:
        """The file itself."""
        return self._db

    @property
    def format(self) -> int:
        """The format version of the file."""
        return pragma(self._db, "user_version")

    def writing(self) -> AbstractContextManager[None]:
        """One transaction: all of it or nothing; other writers wait at its start."""
        return writing(self._db)

    # Paths and contents

    def path(self, path: Path) -> KnownPath | None:
        """What is known about a file; None if it was never seen."""
        row = self._db.execute(
            "SELECT paths.id, content_id, reason, paths.size_bytes, mtime_ns, ctime_ns, gone, "
            "coalesce(placed, 1), kind, described, reader, readers, stopped "
            "FROM paths LEFT JOIN contents ON contents.id = content_id WHERE path = ?",
            [stored(path)],
        ).fetchone()
        if row is None:
            return None
        id, content_id, reason, size_bytes, mtime_ns, ctime_ns, gone, placed, *more = row
        found = Found(path, size_bytes, mtime_ns, ctime_ns)
        return KnownPath(id, content_id, reason, found, bool(gone), bool(placed), *more)

    def content_id(self, sha256: str) -> int | None:
        row = self._db.execute("SELECT id FROM contents WHERE sha256 = ?", [sha256]).fetchone()
        return None if row is None else int(row[0])

    def read_by(self, content_id: int) -> tuple[str, str | None]:
        """The kind of a content, and which of our readers read it."""
        query = "SELECT kind, reader FROM contents WHERE id = ?"
        kind, reader = self._db.execute(query, [content_id]).fetchone()
        return kind, reader

    def was_recognised(self, content_id: int) -> bool:
        """Whether words in the pictures of a content were asked for, and perhaps read."""
        query = "SELECT 1 FROM recognised WHERE content_id = ?"
        return self._db.execute(query, [content_id]).fetchone() is not None

    def holds_size(self, size_bytes: int) -> bool:
        """Whether a content of that many bytes is stored: only then is a hash worth reading."""
        query = "SELECT 1 FROM contents WHERE size_bytes = ? LIMIT 1"
        return self._db.execute(query, [size_bytes]).fetchone() is not None

    def paths_of(self, content_id: int) -> list[Path]:
        """Every path that holds the content or held it when it was last seen."""
        query = (
            "SELECT path FROM paths WHERE content_id = ? "
            "AND typeof(path) IN ('text', 'blob') ORDER BY id"  # else it is damaged
        )
        return [path_of(row[0]) for row in self._db.execute(query, [content_id])]

    def add_photo(self, photo: NewPhoto) -> int:
        """Store a photo and return its id."""
        return self._insert("contents", photo_columns(photo))

    def add_text(self, document: Document) -> int:
        """Store what a document is, without its passages, and return its id."""
        return self._insert("contents", text_columns(document))

    def renew_text(self, content_id: int, document: Document) -> None:
        """State what a newer reader says a document is."""
        self._db.execute(
            "UPDATE contents SET title = ?, taken_at = ?, warnings = ?, reader = ? WHERE id = ?",
            [
                document.title,
                document.written_at,
                json.dumps(document.warnings, ensure_ascii=False),
                document.reader or None,
                content_id,
            ],
        )

    def renew_photo(
        self, content_id: int, taken_at: str | None, place: tuple[float, float] | None
    ) -> None:
        """State when and where a photo was taken, in degrees north and east.

        None takes away what is known only where one path alone holds the photo: beside another
        one may lie what says it.
        """
        alone = len(self.paths_of(content_id)) < 2
        if taken_at is not None or alone:
            query = "UPDATE contents SET taken_at = ? WHERE id = ?"
            self._db.execute(query, [taken_at, content_id])
        if place is not None or alone:
            query = "UPDATE contents SET latitude = ?, longitude = ? WHERE id = ?"
            self._db.execute(query, [*(place or (None, None)), content_id])
        self._db.execute("UPDATE contents SET placed = 1 WHERE id = ?", [content_id])

    def set_reader(self, content_id: int, reader: str) -> None:
        """State which reader has read, or tried to read, what a photo says."""
        self._db.execute("UPDATE contents SET reader = ? WHERE id = ?", [reader, content_id])

    def set_stopped(self, path_id: int, stopped: int) -> None:
        """State how often in turn reading a file was stopped."""
        self._db.execute("UPDATE paths SET stopped = ? WHERE id = ?", [stopped, path_id])

    def _insert(self, table: str, values: Columns) -> int:
        cursor = self._db.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            list(values.values()),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def describe(self, path_id: int, described: str | None) -> None:
        """State which files beside a photo were looked at for what they say of it; None if
        nothing was.
        """
        query = "UPDATE paths SET described = ?, stopped = 0 WHERE id = ?"
        self._db.execute(query, [described, path_id])

    def put_path(
        self,
        found: Found,
        *,
        content_id: int | None,
        reason: str | None,
        names: str | None = None,
        readers: str | None = None,
        stopped: int = 0,
    ) -> int:
        """Store what a file holds, or why it was skipped, and return the path's id.

        names    what the path calls a text
        readers  those that may have tried a file that is skipped
        stopped  how often in turn reading it was stopped
        """
        row = self._db.execute(
            "INSERT INTO paths (path, content_id, reason, size_bytes, mtime_ns, ctime_ns, names, "
            "readers, stopped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
            # Another content is to be described anew.
            "described = CASE WHEN content_id IS excluded.content_id THEN described END, "
            "content_id = excluded.content_id, reason = excluded.reason, gone = 0, "
            "size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, "
            "ctime_ns = excluded.ctime_ns, names = excluded.names, readers = excluded.readers, "
            "stopped = excluded.stopped RETURNING id",
            [
                stored(found.path),
                content_id,
                reason,
                found.size_bytes,
                found.mtime_ns,
                found.ctime_ns,
                names,
                readers,
                stopped,
            ],
        ).fetchone()
        return int(row[0])

    def remove_path(self, path_id: int) -> None:
        """Know nothing of a file any more."""
        self._db.execute("DELETE FROM paths WHERE id = ?", [path_id])

    def set_live(self, content_ids: Iterable[int]) -> None:
        """A content lives while a path holds it; only what is in living ones is found."""
        self._db.conn.executemany(
            "UPDATE contents SET live = EXISTS (SELECT 1 FROM paths "
            "WHERE paths.content_id = contents.id AND NOT paths.gone) WHERE id = ?",
            [[content_id] for content_id in content_ids],
        )

    # One run of the indexer

    def start_run(self) -> None:
        """Forget which paths an earlier run of this process saw."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS seen (path_id INTEGER PRIMARY KEY)")
        self._db.execute("DELETE FROM seen")

    def mark_seen(self, path_ids: Iterable[int]) -> None:
        self._db.conn.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?)", [[path_id] for path_id in path_ids]
        )

    def bring_back(self, path_ids: Iterable[int]) -> None:
        """Paths that were gone and are there again."""
        self._db.conn.executemany(
            "UPDATE paths SET gone = 0 WHERE id = ?", [[path_id] for path_id in path_ids]
        )

    def unseen(self, root: Path) -> list[Path]:
        """Paths below a folder that an earlier run has seen and this one has not."""
        where, values = under(root)
        found = self._db.execute(
            f"SELECT path FROM paths WHERE {where} AND NOT gone "
            "AND id NOT IN (SELECT path_id FROM seen)",
            values,
        )
        return [path_of(path) for (path,) in found]

    def mark_gone(self, root: Path, *, unlisted: Iterable[Path] = ()) -> list[int | None]:
        """Mark root and every path under it that this run has not seen; returns their contents.

        unlisted  folders that could not be read: nothing is known about what they hold
        """
        where, values = under(root)
        for folder in unlisted:
            inside, more = under(folder)
            where, values = f"{where} AND NOT {inside}", values + more
        lost = self._db.execute(
            f"SELECT id, content_id FROM paths WHERE (path = ? OR {where}) AND NOT gone "
            "AND id NOT IN (SELECT path_id FROM seen)",
            [stored(root), *values],
        ).fetchall()
        self._db.conn.executemany(
            "UPDATE paths SET gone = 1 WHERE id = ?", [[path_id] for path_id, _ in lost]
        )
        self.set_live({content_id for _, content_id in lost if content_id is not None})
        return [content_id for _, content_id in lost]

    # Faces

    def add_face(self, row: int, content_id: int, number: int, face: Face, quality: float) -> int:
        """Store a face whose embedding lies in that row, and return its id."""
        return self._insert(
            "faces", {"row": row, **face_columns(content_id, number, face, quality)}
        )

    def add_crop(self, face_id: int, jpeg: bytes, shows: str | None = None) -> None:
        """Keep the small picture of a face.

        shows  PICTURE for views.PICTURE; None for what is not known, so that no embedder's crop
               can be cut out of it
        """
        self._db.execute(
            "INSERT INTO crops (face_id, jpeg, shows) VALUES (?, ?, ?)", [face_id, jpeg, shows]
        )

    def put_crop(self, face_id: int, jpeg: bytes, shows: str | None) -> None:
        """Put a picture in the place of one that is damaged or missing."""
        self._db.execute("DELETE FROM crops WHERE face_id = ?", [face_id])
        self.add_crop(face_id, jpeg, shows)

    def crop(self, face_id: int) -> bytes:
        """The face as a small JPEG; a grey one where an import brought none.

        raises  CollectionError if it is not what was written
        """
        check_row(self._db, "crops", face_id)
        query = "SELECT jpeg FROM crops WHERE face_id = ?"
        row = self._db.execute(query, [face_id]).fetchone()
        return _grey() if row is None else bytes(row[0])

    def picture(self, face_id: int) -> bytes:
        """crop() of a face that there is; raises BadInput if there is none."""
        row = self._db.execute("SELECT 1 FROM faces WHERE id = ?", [face_id]).fetchone()
        if row is None:
            raise BadInput(f"there is no stored face with the id {face_id}")
        return self.crop(face_id)

    def faces(self, ids: Iterable[int]) -> dict[int, StoredFace]:
        """The faces with these ids, by id.

        raises  CollectionError if what is said of one of them is not what was written
        """
        return {face.id: face for face in self._faces("id", ids)}

    def faces_at(self, rows: Iterable[int]) -> dict[int, StoredFace]:
        """The faces whose embeddings lie in these rows, by row; dead rows have none.

        raises  as faces(), and if two faces have the same
        """
        found = list(self._faces("row", rows))
        by_row = {face.row: face for face in found}
        if len(by_row) < len(found):
            raise torn("faces")
        return by_row

    def photos(self, content_ids: Iterable[int]) -> dict[int, PictureHit]:
        """Photos as hits of no rank and score yet, by id; as faces(), those in files that were
        replaced are left out.

        raises  CollectionError if what is said of one of them is not what was written
        """
        joined, picked = self._joined_contents
        rows = list(map(picked, joined.where("contents.id", content_ids)))
        paths = self._path_of(row[0] for row in rows)
        return {
            id: PictureHit(0, id, paths[id], (height, width), 0.0, None, as_stored(taken_at))
            for id, height, width, taken_at in rows
            if id in paths
        }

    @cached_property
    def _joined_contents(self) -> tuple[Joined, Callable[[Row], tuple[Any, ...]]]:
        joined = Joined(self._db, "contents")
        names = ("id", "height", "width", "taken_at")
        return joined, joined.picking(*(f"contents.{name}" for name in names))

    def as_found(self, ids: Iterable[int]) -> dict[int, Face]:
        """Faces as they were found in their photos, by id; nothing else of the catalog is read,
        and whether they are what was written is not looked at.
        """
        query = f"SELECT id, {', '.join(BOX)}, landmarks, score FROM faces WHERE id"
        found = {}
        for id, *box, landmarks, score in among(self._db, query, ids):
            points = np.frombuffer(landmarks, "<f4").reshape(5, 2)
            found[id] = Face(np.array(box, np.float32), points, score)
        return found

    def _faces(self, column: str, values: Iterable[int]) -> Iterator[StoredFace]:
        """Faces by a column; of one without a living path, the last known path.

        Those in files that were replaced are left out: no path can be shown for them.
        """
        joined, picked = self._joined_faces
        rows = list(map(picked, joined.where(f"faces.{column}", values)))
        paths = self._path_of(row[-1] for row in rows if row[-1] is not None)
        for id, at, number, landmarks, score, quality, taken_at, person, *box, content_id in rows:
            if content_id not in paths:
                continue
            corners = np.array(box, np.float32)
            corners.flags.writeable = False  # as the points: it may be kept for other answers
            points = np.frombuffer(landmarks, "<f4").reshape(5, 2)
            yield StoredFace(
                id=id,
                row=at,
                number=number,
                face=Face(corners, points, score),
                quality=quality,
                taken_at=as_stored(taken_at),
                path=paths[content_id],
                person=as_stored(person),
            )

    @cached_property
    def _joined_faces(self) -> tuple[Joined, Callable[[Row], tuple[Any, ...]]]:
        joined = Joined(
            self._db,
            "faces",
            "contents",
            "persons",
            joins="LEFT JOIN contents ON contents.id = faces.content_id "
            "LEFT JOIN persons ON persons.id = faces.person_id",
            more=("faces.row",),
        )
        columns = ("id", "row", "number", "landmarks", "score", "quality")
        return joined, joined.picking(
            *(f"faces.{name}" for name in columns),
            "contents.taken_at",
            "persons.name",
            *(f"faces.{name}" for name in BOX),
            "contents.id",
        )

    def _path_of(self, content_ids: Iterable[int]) -> dict[int, Path]:
        """The first living path of each content, else the first of those that held it."""
        joined, picked = self._joined_paths
        every = sorted(map(picked, joined.where("paths.content_id", content_ids)), reverse=True)
        first = {content_id: path for content_id, _, _, path in every}
        return {content_id: path_of(as_stored(path)) for content_id, path in first.items()}

    @cached_property
    def _joined_paths(self) -> tuple[Joined, Callable[[Row], tuple[Any, ...]]]:
        joined = Joined(self._db, "paths")
        return joined, joined.picking("paths.content_id", "paths.gone", "paths.id", "paths.path")

    # What there is

    def counts(self) -> dict[str, int]:
        """Photos, faces, photos that were looked at as a whole, texts, passages and paths that
        live, and files that were skipped.
        """
        queries = {
            "photos": "SELECT count(*) FROM contents WHERE live AND kind = 'photo'",
            "faces": "SELECT count(*) FROM faces JOIN contents ON contents.id = content_id "
            "WHERE live AND NOT not_a_face",
            "pictures": "SELECT count(*) FROM pictures JOIN contents ON contents.id = content_id "
            "WHERE live",
            "texts": "SELECT count(*) FROM contents WHERE live AND kind = 'text'",
            "passages": "SELECT count(*) FROM passages JOIN contents ON contents.id = content_id "
            "WHERE live",
            "files": "SELECT count(*) FROM paths WHERE NOT gone AND content_id IS NOT NULL",
            "skipped": "SELECT count(*) FROM paths WHERE NOT gone AND reason IS NOT NULL",
            "gone": "SELECT count(*) FROM paths WHERE gone",
            "persons": "SELECT count(*) FROM persons WHERE name IS NOT NULL",
            "dead": "SELECT count(*) FROM dead",
        }
        return {name: self._db.execute(sql).fetchone()[0] for name, sql in queries.items()}

    def skipped(self) -> list[Skipped]:
        """Files that are there and could not be used, with their reasons, by path."""
        query = "SELECT path, reason FROM paths WHERE reason IS NOT NULL AND NOT gone"
        found = [Skipped(path_of(row[0]), row[1]) for row in self._db.execute(query)]
        return sorted(found, key=lambda item: item.path)


@cache
def _grey() -> bytes:
    """A small JPEG in place of a face that nobody has a picture of."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (112, 112), "grey").save(buffer, "JPEG")
    return buffer.getvalue()
