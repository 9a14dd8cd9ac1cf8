"""SQLite: the truth about what a collection holds and where each vector lies.

Photos are contents, known by the SHA-256 of their bytes; paths are files that hold
them. A path that vanishes is marked gone and kept, so that a drive that was not
mounted costs nothing when it comes back.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from indexes.migrations import FORMAT, MIGRATIONS
from indexes.walk import Found
from retrieval.errors import CollectionError
from retrieval.types import Face, Skipped

APPLICATION_ID = 0x52545256  # "RTRV": tells our files from other people's SQLite files
BUSY_TIMEOUT_S = 30  # how long a writer waits for another one
_VARIABLES = 500  # in one statement; old SQLite libraries stop at 999


@dataclass(frozen=True, slots=True)
class Space:
    """One kind of embedding in a collection: which networks made its vectors.

    rows  committed in the vector file; None of what lies behind is trusted
    """

    name: str
    detector: str
    detector_sha256: str
    embedder: str
    embedder_sha256: str
    dim: int
    metric: str
    rows: int


@dataclass(frozen=True, slots=True)
class KnownPath:
    """What the catalog says about one file.

    photo_id, reason  one of them is set: the photo that it holds, or why it was skipped
    found             the file as it was seen then
    """

    id: int
    photo_id: int | None
    reason: str | None
    found: Found
    gone: bool


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo to be stored; its faces are stored beside it."""

    sha256: str
    size_bytes: int
    size: tuple[int, int]
    taken_at: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StoredFace:
    """One face as a hit needs it; `path` is the first living file that holds its photo."""

    id: int
    number: int
    face: Face
    quality: float
    path: Path
    taken_at: str | None


class Catalog:
    """The open SQLite file of one collection; not for use by several threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def close(self) -> None:
        self._db.conn.close()

    @property
    def format(self) -> int:
        """The format version of the file."""
        return _pragma(self._db, "user_version")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of it or nothing; other writers wait at its start."""
        with _transaction(self._db):
            yield

    # Spaces

    def space(self, name: str) -> Space | None:
        rows = list(self._db.query("SELECT * FROM spaces WHERE name = ?", [name]))
        return Space(**rows[0]) if rows else None

    def add_space(self, space: Space) -> None:
        self._db.table("spaces").insert(asdict(space))

    def count_rows(self, space: str, rows: int) -> None:
        """State how many rows of the vector file are committed."""
        self._db.execute("UPDATE spaces SET rows = ? WHERE name = ?", [rows, space])

    # Paths and photos

    def path(self, path: Path) -> KnownPath | None:
        """What is known about a file; None if it was never seen."""
        row = self._db.execute(
            "SELECT id, photo_id, reason, size_bytes, mtime_ns, ctime_ns, gone "
            "FROM paths WHERE path = ?",
            [_stored(path)],
        ).fetchone()
        if row is None:
            return None
        return KnownPath(row[0], row[1], row[2], Found(path, *row[3:6]), bool(row[6]))

    def photo_id(self, sha256: str) -> int | None:
        row = self._db.execute("SELECT id FROM photos WHERE sha256 = ?", [sha256]).fetchone()
        return None if row is None else int(row[0])

    def holds_size(self, size_bytes: int) -> bool:
        """Whether a photo of that many bytes is stored: only then is a hash worth reading."""
        query = "SELECT 1 FROM photos WHERE size_bytes = ? LIMIT 1"
        return self._db.execute(query, [size_bytes]).fetchone() is not None

    def paths_of(self, photo_id: int) -> list[Path]:
        """Every path that holds the photo or held it when it was last seen."""
        query = "SELECT path FROM paths WHERE photo_id = ? ORDER BY id"
        return [_path(row[0]) for row in self._db.execute(query, [photo_id])]

    def add_photo(self, photo: NewPhoto) -> int:
        cursor = self._db.execute(
            "INSERT INTO photos (sha256, size_bytes, height, width, taken_at, warnings) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [
                photo.sha256,
                photo.size_bytes,
                *photo.size,
                photo.taken_at,
                json.dumps(photo.warnings, ensure_ascii=False),
            ],
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def put_path(self, found: Found, *, photo_id: int | None, reason: str | None) -> int:
        """Store what a file holds, or why it was skipped, and return the path's id."""
        row = self._db.execute(
            "INSERT INTO paths (path, photo_id, reason, size_bytes, mtime_ns, ctime_ns) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
            "photo_id = excluded.photo_id, reason = excluded.reason, gone = 0, "
            "size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, "
            "ctime_ns = excluded.ctime_ns RETURNING id",
            [
                _stored(found.path),
                photo_id,
                reason,
                found.size_bytes,
                found.mtime_ns,
                found.ctime_ns,
            ],
        ).fetchone()
        return int(row[0])

    def set_live(self, photo_ids: Iterable[int]) -> None:
        """A photo lives while a path holds it; only the faces of living ones are found."""
        self._db.conn.executemany(
            "UPDATE photos SET live = EXISTS (SELECT 1 FROM paths "
            "WHERE paths.photo_id = photos.id AND NOT paths.gone) WHERE id = ?",
            [[photo_id] for photo_id in photo_ids],
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

    def mark_gone(self, root: Path, *, unlisted: Iterable[Path] = ()) -> list[int | None]:
        """Mark every path under root that this run has not seen; returns their photo ids.

        unlisted  folders that could not be read: nothing is known about what they hold
        """
        where, values = _under(root)
        for folder in unlisted:
            inside, more = _under(folder)
            where, values = f"{where} AND NOT {inside}", values + more
        lost = self._db.execute(
            f"SELECT id, photo_id FROM paths WHERE {where} AND NOT gone "
            "AND id NOT IN (SELECT path_id FROM seen)",
            values,
        ).fetchall()
        self._db.conn.executemany(
            "UPDATE paths SET gone = 1 WHERE id = ?", [[path_id] for path_id, _ in lost]
        )
        self.set_live({photo_id for _, photo_id in lost if photo_id is not None})
        return [photo_id for _, photo_id in lost]

    # Faces

    def add_face(self, id: int, photo_id: int, number: int, face: Face, quality: float) -> None:
        """id is the row of the face's embedding in the vector file."""
        self._db.execute(
            "INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                id,
                photo_id,
                number,
                *face.box.tolist(),
                face.landmarks.astype("<f4").tobytes(),
                face.score,
                quality,
            ],
        )

    def add_crop(self, face_id: int, jpeg: bytes) -> None:
        self._db.execute("INSERT INTO crops VALUES (?, ?)", [face_id, jpeg])

    def crop(self, face_id: int) -> bytes:
        """The face as a small JPEG."""
        query = "SELECT jpeg FROM crops WHERE face_id = ?"
        return bytes(self._db.execute(query, [face_id]).fetchone()[0])

    def faces(self, ids: Iterable[int]) -> dict[int, StoredFace]:
        """The faces with these ids; of one without a living path, the last known path."""
        wanted = list(dict.fromkeys(ids))
        found: dict[int, StoredFace] = {}
        for start in range(0, len(wanted), _VARIABLES):
            part = wanted[start : start + _VARIABLES]
            marks = ",".join("?" * len(part))
            for row in self._db.execute(
                "SELECT faces.id, number, x1, y1, x2, y2, landmarks, score, quality, taken_at, "
                "(SELECT path FROM paths WHERE paths.photo_id = photos.id "
                " ORDER BY gone, paths.id LIMIT 1) "
                "FROM faces JOIN photos ON photos.id = faces.photo_id "
                f"WHERE faces.id IN ({marks})",
                part,
            ):
                landmarks = np.frombuffer(row[6], "<f4").reshape(5, 2)
                face = Face(np.array(row[2:6], np.float32), landmarks, row[7])
                found[row[0]] = StoredFace(row[0], row[1], face, row[8], _path(row[10]), row[9])
        return found

    def findable(self, rows: int, *, min_quality: float = 0.0) -> NDArray[np.bool_] | None:
        """(rows,) which faces a search may find; None if all of them."""
        hidden = self._db.execute(
            "SELECT faces.id FROM photos JOIN faces ON faces.photo_id = photos.id "
            "WHERE NOT photos.live"
        ).fetchall()
        if min_quality > 0:
            hidden += self._db.execute(
                "SELECT id FROM faces WHERE quality < ?", [min_quality]
            ).fetchall()
        if not hidden:
            return None
        keep = np.ones(rows, np.bool_)
        ids = np.array(hidden, np.int64)[:, 0]
        keep[ids[ids < rows]] = False  # another process may have added faces since
        return keep

    # What there is

    def counts(self) -> dict[str, int]:
        """Photos, faces and paths that live, and files that were skipped."""
        queries = {
            "photos": "SELECT count(*) FROM photos WHERE live",
            "faces": "SELECT count(*) FROM faces JOIN photos ON photos.id = photo_id WHERE live",
            "files": "SELECT count(*) FROM paths WHERE NOT gone AND photo_id IS NOT NULL",
            "skipped": "SELECT count(*) FROM paths WHERE NOT gone AND reason IS NOT NULL",
            "gone": "SELECT count(*) FROM paths WHERE gone",
        }
        return {name: self._db.execute(sql).fetchone()[0] for name, sql in queries.items()}

    def skipped(self) -> list[Skipped]:
        """Files that are there and could not be used, with their reasons, by path."""
        query = "SELECT path, reason FROM paths WHERE reason IS NOT NULL AND NOT gone"
        found = [Skipped(_path(row[0]), row[1]) for row in self._db.execute(query)]
        return sorted(found, key=lambda item: item.path)


def open_catalog(path: Path, *, create: bool = False) -> Catalog:
    """The catalog in that file, brought to the current format.

    create  make it if it is absent
    raises  CollectionError if there is none, or it is not ours, newer, or damaged
    """
    if not create and not path.is_file():
        raise CollectionError(
            f"no collection at {path.parent}. Make one with: retrieve index FOLDER"
        )
    try:
        if create:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        conn = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        # Plugins of sqlite-utils are other people's code; a collection is private.
        db = Database(conn, execute_plugins=False)
        _migrate(db, path)
    except (sqlite3.DatabaseError, OSError) as error:
        raise CollectionError(
            f"cannot open {path}: {error}. If it is damaged restore it from a backup; "
            f"if it is something else choose another folder with --collection"
        ) from error
    return Catalog(db)


def _migrate(db: Database, path: Path) -> None:
    """Bring the schema to FORMAT, in one transaction; other processes wait for it."""
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    owner, version = _pragma(db, "application_id"), _pragma(db, "user_version")
    if tables and owner != APPLICATION_ID:
        raise CollectionError(
            f"{path} is an SQLite file of another program. Choose another folder with --collection"
        )
    if version > FORMAT:
        raise CollectionError(
            f"{path} has format {version}; this version of retrieve knows formats up to {FORMAT}. "
            f"Upgrade: pip install --upgrade retrieve"
        )
    if version == FORMAT:
        return
    db.execute("PRAGMA journal_mode = WAL")
    with _transaction(db):
        for step in MIGRATIONS[_pragma(db, "user_version") :]:
            step(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def _transaction(db: Database) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:  # Ctrl-C too must leave nothing behind; it goes on up
        if db.conn.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _pragma(db: Database, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _stored(path: Path) -> str | bytes:
    """A path as text, or as its bytes where they are not UTF-8, which SQLite text must be."""
    raw = os.fsencode(path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _path(stored: str | bytes) -> Path:
    return Path(os.fsdecode(stored) if isinstance(stored, bytes) else stored)


def _under(folder: Path) -> tuple[str, list[str | bytes]]:
    """SQL for "path lies under folder", as ranges of the path's index."""
    prefix = os.fsencode(folder).rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    text: list[str | bytes] = []
    try:
        text = [prefix.decode("utf-8"), end.decode("utf-8")]
    except UnicodeDecodeError:
        return "(path >= ? AND path < ?)", [prefix, end]
    return "((path >= ? AND path < ?) OR (path >= ? AND path < ?))", [*text, prefix, end]
