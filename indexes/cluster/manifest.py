"""cluster.sqlite: which shards there are, and what no shard can know of the others.

The truth about photos, texts and people stays in the shards. What stands here is written by one
coordinator at a time and could be made again from them: the checksums of all contents, so that a
photo in two segments is one photo; paths whose content another shard holds; the numbers that
persons were given; and what was begun in several shards and has to be finished in all.

SQLite keeps its log in a journal here, not in WAL: that needs memory which machines do not share.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog import database
from retrieve.indexes.cluster.places import acknowledge, check_place, is_acknowledged
from retrieve.indexes.files import Strange, check_own, open_regular
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.vectors.file import sync_folder

CLUSTER = "cluster.sqlite"  # in the folder of a cluster, beside:
SHARDS = "shards"  # a folder each, named by number
REPLICAS = "replicas"  # copies of them: replicas/1/0007 of shard 7
NEW = "cluster.sqlite.new"  # a manifest that is not whole yet
LOCK = "cluster.lock"  # held while a coordinator is at work

APPLICATION_ID = 0x52545243  # "RTRC"
FORMAT = 1
BUSY_TIMEOUT_S = 60

SCHEMA = """
-- One row. next_person: numbers of persons are given out here, so that one person has the same in
-- every shard.
CREATE TABLE cluster (
    id TEXT NOT NULL,
    next_person INTEGER NOT NULL DEFAULT 1
);
-- What all shards' embeddings are made by: the first shard that has a space says so.
CREATE TABLE spaces (
    name TEXT PRIMARY KEY,
    made_by TEXT NOT NULL,             -- JSON: networks and their SHA-256
    dim INTEGER NOT NULL
);
-- Numbers are never given twice. files: paths in it when it was indexed last; last: contents with
-- ids up to that one are known to the table `contents`.
CREATE TABLE shards (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    files INTEGER NOT NULL DEFAULT 0,
    last INTEGER NOT NULL DEFAULT 0
);
-- Which shard has the files from a path, in the order of its bytes, up to the next one here: it is
-- settled before they are read, so that a shard may not be there yet.
CREATE TABLE ranges (
    first BLOB PRIMARY KEY,
    shard INTEGER NOT NULL
) WITHOUT ROWID;
-- Where it lies: copy 0 is the one that is written; below the cluster's folder, or absolute.
CREATE TABLE copies (
    shard INTEGER NOT NULL REFERENCES shards (number),
    copy INTEGER NOT NULL,
    folder BLOB NOT NULL,
    PRIMARY KEY (shard, copy)
) WITHOUT ROWID;
-- Which shard holds a content, by the SHA-256 of its bytes.
CREATE TABLE contents (
    sha256 BLOB PRIMARY KEY,
    shard INTEGER NOT NULL REFERENCES shards (number),
    size_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX contents_shard ON contents (shard);
CREATE INDEX contents_size_bytes ON contents (size_bytes);
-- Files that another shard has than their range says: it holds their content.
CREATE TABLE elsewhere (
    path BLOB PRIMARY KEY,
    shard INTEGER NOT NULL REFERENCES shards (number)
) WITHOUT ROWID;
CREATE INDEX elsewhere_shard ON elsewhere (shard);
-- What people said of the faces of all shards, in order. what: all else that a line of a log holds,
-- as JSON. lines: by shard the lines of its own log that say so there, as JSON. A statement that is
-- not done was begun by a coordinator that died: what is to be written in each shard stands in
-- `begun`, and the next coordinator finishes it.
CREATE TABLE statements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
    said_at TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    lines TEXT NOT NULL DEFAULT '{}',
    undoes INTEGER,
    done INTEGER NOT NULL DEFAULT 0
);
-- The last line of each shard's log that stands in `statements`.
CREATE TABLE heard (
    shard INTEGER PRIMARY KEY REFERENCES shards (number) ON DELETE CASCADE,
    line INTEGER NOT NULL
);
-- Persons who may be one, the lower number first, for somebody to say so.
CREATE TABLE suggestions (
    person_id INTEGER NOT NULL,
    other_id INTEGER NOT NULL,
    score REAL NOT NULL,
    PRIMARY KEY (person_id, other_id)
) WITHOUT ROWID;
-- Anything else that was begun in several shards: forgetting, moving a shard.
CREATE TABLE begun (
    id INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    with_what TEXT NOT NULL            -- JSON
);
"""

# By each person and photo that a statement names, which follows from it (people/connected.py). Of
# `what` persons stand at 0 and 1, faces at 3 and 4: JSON themselves, with the SHA-256 of a photo.
_KEYS = """
    INSERT OR IGNORE INTO named (key, statement)
    SELECT '#' || value, {id} FROM json_each({what}) WHERE key < 2 AND value IS NOT NULL
    UNION SELECT json_extract(face.value, '$[0]'), {id}
    FROM json_each({what}) AS part, json_each(part.value) AS face WHERE part.key IN (3, 4)
    UNION SELECT '!' || {undoes}, {id} WHERE {undoes} IS NOT NULL
"""
_OF_NEW = _KEYS.format(what="NEW.what", id="NEW.id", undoes="NEW.undoes")
NAMED = (
    """CREATE TABLE named (
        key TEXT NOT NULL,                 -- #12, a person; SHA-256 of a photo; !7, taken back
        statement INTEGER NOT NULL,
        PRIMARY KEY (key, statement)
    ) WITHOUT ROWID""",
    "CREATE INDEX named_statement ON named (statement)",
    f"CREATE TRIGGER named_insert AFTER INSERT ON statements BEGIN {_OF_NEW}; END",
    "CREATE TRIGGER named_update AFTER UPDATE OF what, undoes ON statements BEGIN "
    f"DELETE FROM named WHERE statement = OLD.id; {_OF_NEW}; END",
    "CREATE TRIGGER named_delete AFTER DELETE ON statements BEGIN "
    "DELETE FROM named WHERE statement = OLD.id; END",
)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of the collections that a cluster is made of.

    first    path at which its files begin, b"" for the first of all
    folders  of its copies, that which is written first
    files    paths in it when it was indexed last
    """

    number: int
    first: bytes
    folders: tuple[Path, ...]
    files: int = 0

    @property
    def folder(self) -> Path:
        """Where the copy lies that is written."""
        return self.folders[0]


class Manifest:
    """An open cluster.sqlite; used by one thread.

    folder  of the cluster
    db      for the tables above, read anywhere and written inside writing()
    """

    def __init__(self, folder: Path, db: Database) -> None:
        self.folder = folder
        self.db = db
        self._coordinating = 0  # blocks of coordinating() within each other

    def close(self) -> None:
        self.db.conn.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction, on the disk when the block ends; call inside coordinating()."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.conn.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    @contextmanager
    def coordinating(self) -> Iterator[None]:
        """Be the one coordinator while the block lasts; blocks may lie within each other.

        raises  CollectionError if another is at work, it says where; or nothing can be written
        """
        if self._coordinating:
            self._coordinating += 1
            try:
                yield
            finally:
                self._coordinating -= 1
            return
        try:
            fd = open_regular(self.folder / LOCK, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise CollectionError(
                f"{self.folder / LOCK} cannot be written, which whoever changes the cluster holds: "
                f"{(error.strerror or str(error)).lower()}. Nothing was changed; searching it "
                "takes no writing"
            ) from error
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                who = os.pread(fd, 200, 0).decode("utf-8", "replace").strip()
                raise CollectionError(
                    f"the cluster {self.folder} is being changed by {who or 'another process'}: "
                    "wait for it or end it"
                ) from None
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            self._coordinating = 1
            yield
        finally:
            if self._coordinating:  # else the name in it is that of who is at work
                with suppress(OSError):
                    os.ftruncate(fd, 0)
            self._coordinating = 0
            os.close(fd)

    @property
    def is_coordinating(self) -> bool:
        """Whether this is the coordinator now: what it asks, the copies that are written answer."""
        return self._coordinating > 0

    def version(self) -> tuple[int, int]:
        """Another one after each commit, of this process's or of another's."""
        (others,) = self.db.execute("PRAGMA data_version").fetchone()
        return others, self.db.conn.total_changes

    @property
    def id(self) -> str:
        """Of the cluster, the same for good."""
        return str(self.db.execute("SELECT id FROM cluster").fetchone()[0])

    def shards(self) -> list[Shard]:
        """All of them, by number; raises Strange as placed()."""
        folders: dict[int, list[Path]] = {}
        for number, folder in self.db.execute(
            "SELECT shard, folder FROM copies ORDER BY shard, copy"
        ):
            folders.setdefault(number, []).append(self.placed(number, os.fsdecode(folder)))
        return [
            Shard(number, first, tuple(folders.get(number, ())), files)
            for number, first, files in self.db.execute(
                "SELECT number, coalesce((SELECT min(first) FROM ranges WHERE shard = number), "
                "x''), files FROM shards ORDER BY number"
            ).fetchall()
        ]

    def placed(self, shard: int, folder: str | Path) -> Path:
        """A folder that is named as a shard's: below the cluster's, or absolute.

        raises  Strange if it must not be used: a link lies on the way, or it is outside of the
                cluster and nobody put that shard there (places.py)
        """
        place = self.folder / folder
        check_place(self.folder, self.id, shard, place)
        return place

    def acknowledge(self, shard: int, folder: Path) -> None:
        """State that a shard is to lie there, before anything of it does; raises CollectionError
        if nothing can be written there.
        """
        acknowledge(self.folder, self.id, shard, folder)

    def is_acknowledged(self, shard: int, folder: Path) -> bool:
        """Whether that was stated; of one below the cluster's folder it need not be."""
        return is_acknowledged(self.folder, self.id, shard, folder)

    def next_shard(self) -> int:
        """The number that the next shard will have: 0 for the first."""
        (last,) = self.db.execute(
            "SELECT max((SELECT coalesce(max(seq), -1) FROM sqlite_sequence WHERE name = 'shards'),"
            " (SELECT coalesce(max(shard), -1) FROM ranges))"
        ).fetchone()
        return int(last) + 1

    def add_shard(self, number: int, first: bytes, folder: Path) -> None:
        """Make a shard part of the cluster; inside writing(). From here on it is searched.

        first   of the files that are its own, where that is not known yet
        folder  below the cluster's, or absolute
        """
        self.db.execute("INSERT INTO shards (number) VALUES (?)", [number])
        if not self.db.execute("SELECT 1 FROM ranges WHERE shard = ?", [number]).fetchone():
            self.db.execute(
                "INSERT OR IGNORE INTO ranges (first, shard) VALUES (?, ?)", [first, number]
            )
        self.db.execute(
            "INSERT INTO copies (shard, copy, folder) VALUES (?, 0, ?)",
            [number, os.fsencode(folder)],
        )

    def put_copy(self, shard: int, copy: int, folder: Path) -> None:
        """State where a copy of a shard lies from now on; inside writing().

        folder  below the cluster's, or absolute
        """
        self.db.execute(
            "INSERT INTO copies (shard, copy, folder) VALUES (?, ?, ?) "
            "ON CONFLICT (shard, copy) DO UPDATE SET folder = excluded.folder",
            [shard, copy, os.fsencode(self.relative(folder))],
        )

    def drop_copy(self, shard: int, copy: int) -> None:
        """State that there is no such copy any more; inside writing()."""
        self.db.execute("DELETE FROM copies WHERE shard = ? AND copy = ?", [shard, copy])

    def relative(self, folder: Path) -> Path:
        """A folder as the manifest keeps it, so that the whole cluster can be moved."""
        return folder.relative_to(self.folder) if folder.is_relative_to(self.folder) else folder

    def new_persons(self, how_many: int) -> range:
        """Numbers for so many new persons; inside writing()."""
        (first,) = self.db.execute("SELECT next_person FROM cluster").fetchone()
        self.db.execute("UPDATE cluster SET next_person = next_person + ?", [how_many])
        return range(first, first + how_many)

    def spaces(self) -> dict[str, tuple[dict[str, str], int]]:
        """By name of a space what it is made by, and the length of its embeddings."""
        return {
            name: (json.loads(made_by), dim)
            for name, made_by, dim in self.db.execute("SELECT name, made_by, dim FROM spaces")
        }

    def hold_space(self, name: str, made_by: Mapping[str, str], dim: int) -> None:
        """Fix what a space is made by, if that is not known yet; inside writing().

        raises  CollectionError if it is made by something else
        """
        held = self.spaces().get(name)
        if held is None:
            self.db.execute(
                "INSERT INTO spaces (name, made_by, dim) VALUES (?, ?, ?)",
                [name, json.dumps(dict(made_by), sort_keys=True), dim],
            )
        elif held != (dict(made_by), dim):
            raise CollectionError(
                f"the shards of {self.folder} hold {name} of {json.dumps(held[0])}; this one was "
                f"made by {json.dumps(dict(made_by))}"
            )

    def holders(self, sha256s: Iterable[bytes]) -> dict[bytes, int]:
        """Which shards hold some contents, of those that any does."""
        found: dict[bytes, int] = {}
        query = "SELECT shard FROM contents WHERE sha256 = ?"
        for one in sha256s:
            row = self.db.execute(query, [one]).fetchone()
            if row is not None:
                found[one] = int(row[0])
        return found

    def hold(self, shard: int, contents: Iterable[tuple[bytes, int]]) -> None:
        """State which contents a shard holds, (SHA-256, bytes), where none does; inside
        writing().
        """
        self.db.conn.executemany(
            "INSERT OR IGNORE INTO contents (sha256, size_bytes, shard) VALUES (?, ?, ?)",
            ([sha256, size_bytes, shard] for sha256, size_bytes in contents),
        )


def is_cluster(folder: Path) -> bool:
    """Whether a folder is that of a cluster; one that may not be looked into is none."""
    try:
        return (folder / CLUSTER).is_file()
    except PermissionError:
        return False


def check_not_lost(folder: Path) -> None:
    """Raise CollectionError where there are shards and no manifest: nothing else is to be made
    beside them.
    """
    try:
        lost = not (folder / CLUSTER).exists() and any(folder.glob(f"{SHARDS}/[0-9]*/{CATALOG}"))
    except PermissionError:
        return
    if lost:
        raise CollectionError(
            f"{folder} is a cluster without its manifest, {CLUSTER}. It can be made again from its "
            f"shards: retrieve cluster create --again {folder}"
        )


def create_manifest(folder: Path) -> Manifest:
    """Make an empty cluster in a folder that is there; raises CollectionError if it is one already
    or the folder holds a collection.
    """
    if is_cluster(folder):
        raise CollectionError(f"{folder} is a cluster already")
    if (folder / CATALOG).exists():
        raise CollectionError(
            f"{folder} is a collection; to make a cluster of it, which lies in another folder: "
            f"retrieve cluster create FOLDER --from {folder}"
        )
    (folder / SHARDS).mkdir(mode=0o700, exist_ok=True)
    with replaced_manifest(folder):
        pass
    return open_manifest(folder)


@contextmanager
def replaced_manifest(folder: Path) -> Iterator[Manifest]:
    """An empty manifest that is written in the block and takes its place when that ends."""
    path = folder / NEW
    path.unlink(missing_ok=True)  # of a process that died
    os.close(open_regular(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    manifest = Manifest(folder, _connected(path))
    with closing(manifest):
        manifest.db.conn.executescript(
            f"BEGIN; {SCHEMA} {'; '.join(NAMED)}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {FORMAT}; COMMIT;"
        )
        manifest.db.execute("INSERT INTO cluster (id) VALUES (?)", [uuid.uuid4().hex])
        yield manifest
    os.replace(path, folder / CLUSTER)  # noqa: PTH105
    sync_folder(folder)


def open_manifest(folder: Path) -> Manifest:
    """The manifest of a cluster; raises CollectionError if there is none, or it is newer, damaged
    or not ours.
    """
    path = folder / CLUSTER
    try:
        check_own(path)
        check_not_lost(folder)
        if not path.is_file():
            raise CollectionError(
                f"no cluster at {folder}. Make one with: retrieve cluster create {folder}"
            )
        db = _connected(path)
        (ours,), (version,) = (
            db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from error
    if ours != APPLICATION_ID:
        raise CollectionError(
            f"{path} is empty, or an SQLite file of another program. If it was the cluster's, it "
            f"can be made again from its shards: retrieve cluster create --again {folder}"
        )
    if version > FORMAT:
        raise CollectionError(
            f"{path} has format {version}; this version of retrieve knows formats up to {FORMAT}. "
            "Upgrade: pip install --upgrade retrieve"
        )
    manifest = Manifest(folder, db)
    try:
        manifest.spaces()  # without which, and the next, nothing can be done
        manifest.shards()
    except sqlite3.OperationalError:  # another process writes it, or its disk fails
        db.conn.close()
        raise
    except sqlite3.DatabaseError as error:
        db.conn.close()
        raise _damaged(path, error) from error
    except Strange:
        db.conn.close()
        raise
    return manifest


def _damaged(path: Path, error: sqlite3.DatabaseError) -> CollectionError:
    return CollectionError(
        f"cannot open {path}: {error}. It can be made again from its shards: "
        f"retrieve cluster create --again {path.parent}"
    )


def _connected(path: Path) -> Database:
    conn: Any = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    db = Database(conn, execute_plugins=False)
    for pragma in ("secure_delete = ON", "foreign_keys = ON"):
        db.execute(f"PRAGMA {pragma}")
    db.execute(f"PRAGMA synchronous = {database.SYNCHRONOUS}")
    return db
