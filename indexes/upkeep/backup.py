"""A collection as one file, made while others write to it.

The file is a plain tar: the vector file of each space, catalog.sqlite, and at the end
manifest.json with the SHA-256 of each. FAISS's index is not in it: it is made again.

The catalog is copied as it stands at one moment, the vectors after that. They are believed
where they have the checksum that this catalog gives; where they have not, somebody has
overwritten them, and all is copied again, the last time with every writer made to wait. What
was forgotten before the file appears is not in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from sqlite_utils import Database

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import is_read_only, open_database, pragma, reading, writing
from retrieve.indexes.catalog.migrations import FORMAT as CATALOG_FORMAT
from retrieve.indexes.collection import Collection
from retrieve.indexes.files import open_regular
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.search import traces
from retrieve.indexes.vectors import segments
from retrieve.indexes.vectors.file import sync_folder
from retrieve.indexes.vectors.spaces import Space, every_space, file_name
from retrieve.unfinished import unfinished

FORMAT = 1  # of the tar; what older versions cannot read raises it
MANIFEST = "manifest.json"
TAR = "tar"
TRIES = 4  # the last one lets nobody write meanwhile
BLOCK_BYTES = 1 << 20
# Tables that forgetting takes rows from, by what identifies these for good.
FORGETTABLE = {
    "contents": "sha256",
    "paths": "path",
    "faces": "id",
    "persons": "id",
    "statements": "id",
}

OnBytes = Callable[[int, int], None]  # done, in all


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a backup."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    made_at         ISO 8601, UTC
    catalog_format  version of the collection in it
    spaces          the networks behind the vectors of each
    members         by name, all but the manifest itself
    """

    format: int
    made_at: str
    catalog_format: int
    spaces: dict[str, dict[str, str]]
    members: dict[str, Member]


class _Overtaken(Exception):
    """The vectors are not those that the copied catalog describes."""


def backup(
    collection: Collection, file: Path, *, force: bool = False, on_bytes: OnBytes | None = None
) -> Manifest:
    """Copy all that a collection knows into one file, readable by its owner alone.

    force    replace a file that is there
    raises   BadInput if `file` is there, CollectionError if it cannot be written or the
             collection is damaged; nothing is left behind then
    """
    _check_free(file, force=force)
    with _in_words(file), unfinished(file.parent, noted_in=collection.opened.notes()) as aside:
        return _tried(collection, file, aside, force, on_bytes)


def _tried(
    collection: Collection, file: Path, aside: Path, force: bool, on_bytes: OnBytes | None
) -> Manifest:
    frozen = is_read_only(collection.db)
    reason = f"{collection.path} changes all the time"
    for left in reversed(range(TRIES)):
        with ExitStack() as stack:
            if left == 0 and not frozen:
                stack.enter_context(writing(collection.db))
            try:
                with _in_words(file):
                    manifest = _copied(collection.path, aside, on_bytes)
            except _Overtaken as error:
                reason = str(error)
                continue
            if left > 0 and not frozen:
                # Nobody forgets anything between this look and the file's appearance.
                stack.enter_context(writing(collection.db))
            if not frozen and _is_forgotten(collection.path / CATALOG, aside / CATALOG):
                continue
            _check_free(file, force=force)
            with _in_words(file):
                os.replace(aside / TAR, file)  # noqa: PTH105
                sync_folder(file.parent)
            return manifest
    raise CollectionError(f"{reason}; no backup was made of it. Run first: retrieve repair")


def _copied(folder: Path, aside: Path, on_bytes: OnBytes | None) -> Manifest:
    """Write the tar, and beside it the catalog that is in it."""
    for path in aside.iterdir():
        path.unlink()
    snapshot = aside / CATALOG
    with ExitStack() as stack:
        source = open_database(folder / CATALOG, read_only=True)
        stack.enter_context(closing(source.conn))
        with reading(source):
            spaces = [vectors.required() for vectors in every_space(source, folder)]
            opened = [(space, _open(folder, space, stack)) for space in spaces]
            catalog_bytes = pragma(source, "page_count") * pragma(source, "page_size")
            vector_bytes = sum(space.rows * space.dim * 4 for space in spaces)
            told = _Told(2 * catalog_bytes + vector_bytes, on_bytes)
            _copy_catalog(source, snapshot, told)
        tar = _Tar(stack.enter_context(_private(aside / TAR)), told)
        with _changing(snapshot) as db:
            for space, fd in opened:
                path = folder / file_name(space.name, space.generation)
                tar.add(path.name, space.rows * space.dim * 4, _rows(db, path, space, fd))
            _settle(db)
        tar.add(CATALOG, snapshot.stat().st_size, _blocks(snapshot))
        manifest = Manifest(
            FORMAT,
            datetime.now(UTC).isoformat(timespec="seconds"),
            CATALOG_FORMAT,
            {space.name: space.made_by for space in spaces},
            dict(tar.members),
        )
        tar.end(manifest)
    return manifest


def _open(folder: Path, space: Space, stack: ExitStack) -> int:
    """The vector file: it can be read to the end though a new generation takes its place.

    raises  _Overtaken if that has happened before
    """
    if not space.rows:
        return -1
    path = folder / file_name(space.name, space.generation)
    try:
        fd = open_regular(path)
    except FileNotFoundError as error:
        raise _Overtaken(f"{path} is missing") from error
    stack.callback(os.close, fd)
    return fd


def _copy_catalog(source: Database, snapshot: Path, told: _Told) -> None:
    """All pages, as one transaction of `source` sees them."""
    os.close(os.open(snapshot, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    page_bytes = pragma(source, "page_size")
    with closing(sqlite3.connect(snapshot)) as target:
        source.conn.backup(
            target,
            pages=BLOCK_BYTES // page_bytes,
            progress=lambda _, remaining, of: told.tell((of - remaining) * page_bytes),
        )


@contextmanager
def _changing(snapshot: Path) -> Iterator[Database]:
    """The copied catalog, afterwards whole in its one file."""
    with closing(sqlite3.connect(snapshot, isolation_level=None)) as conn:
        db = Database(conn, execute_plugins=False)
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA synchronous = OFF")  # the tar is what has to last
        yield db
        # Closing would do it too, but keeps silent where the disk is full.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _settle(db: Database) -> None:
    """Do what was to be done in the original: of what was deleted nothing is in the tar."""
    traced = traces.pending(db)
    db.execute("BEGIN")
    db.execute("DELETE FROM dead WHERE space = ?", [traces.CATALOG_ROWS])
    db.execute("UPDATE dead SET wiped = 1")
    db.execute("DELETE FROM caches")
    db.execute("COMMIT")
    if traced:
        traces.merge_words(db)
        db.execute("VACUUM")


def _rows(db: Database, path: Path, space: Space, fd: int) -> Iterator[bytearray]:
    """The vectors, segment by segment; zeros for dead rows, overwritten yet or not.

    db      the copied catalog
    raises  _Overtaken if a segment is not what the catalog says
    """
    row_bytes = space.dim * 4
    query = "SELECT row FROM dead WHERE space = ? AND NOT wiped ORDER BY row"
    dying = np.array([row for (row,) in db.execute(query, [space.name])], np.int64)
    for segment in segments.segments(db, space.name):
        data = _read(fd, segment.rows * row_bytes, segment.first * row_bytes)
        last = segment.first + segment.rows
        for row in dying[slice(*np.searchsorted(dying, [segment.first, last]))] - segment.first:
            data[row * row_bytes : (row + 1) * row_bytes] = bytes(row_bytes)
        if len(data) != segment.rows * row_bytes or zlib.crc32(data) != segment.crc:
            raise _Overtaken(f"{path} is damaged in its rows {segment.first} to {last - 1}")
        yield data


def _read(fd: int, size_bytes: int, offset: int) -> bytearray:
    """As many bytes as there are."""
    parts = bytearray()
    while len(parts) < size_bytes:
        part = os.pread(fd, size_bytes - len(parts), offset + len(parts))
        if not part:
            break
        parts += part
    return parts


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


class _Told:
    """How many bytes are done, told as they come."""

    def __init__(self, of: int, on_bytes: OnBytes | None) -> None:
        self._of, self._on_bytes = of, on_bytes
        self._done = 0

    def tell(self, done: int) -> None:
        self._done = done
        if self._on_bytes is not None:
            self._on_bytes(min(done, self._of), self._of)

    def add(self, size_bytes: int) -> None:
        self.tell(self._done + size_bytes)


class _Tar:
    """A tar that is written once, from front to back."""

    def __init__(self, file: BinaryIO, told: _Told) -> None:
        self._file, self._told = file, told
        self.members: dict[str, Member] = {}

    def add(self, name: str, size_bytes: int, blocks: Iterable[bytes | bytearray]) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size_bytes, 0o600
        self._file.write(info.tobuf(tarfile.GNU_FORMAT))  # which has sizes beyond 8 GB
        checksum, written = hashlib.sha256(), 0
        for block in blocks:
            self._file.write(block)
            checksum.update(block)
            written += len(block)
            self._told.add(len(block))
        assert written == size_bytes
        self._file.write(bytes(-written % tarfile.BLOCKSIZE))
        self.members[name] = Member(written, checksum.hexdigest())

    def end(self, manifest: Manifest) -> None:
        text = json.dumps(asdict(manifest), indent=1).encode()
        self.add(MANIFEST, len(text), [text])
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file


def _is_forgotten(catalog: Path, snapshot: Path) -> bool:
    """Whether anything that the copy holds was taken out of the catalog since."""
    uri = Path(os.path.abspath(snapshot)).as_uri()  # noqa: PTH100
    with closing(sqlite3.connect(f"{uri}?immutable=1", uri=True)) as conn:
        now = Path(os.path.abspath(catalog)).as_uri()  # noqa: PTH100
        conn.execute("ATTACH ? AS now", [f"{now}?mode=ro"])
        return any(
            conn.execute(
                f'SELECT 1 FROM main."{table}" AS old WHERE NOT EXISTS '
                f'(SELECT 1 FROM now."{table}" AS new WHERE new.{key} = old.{key}) LIMIT 1'
            ).fetchone()
            for table, key in _keys(conn).items()
        )


def _keys(conn: sqlite3.Connection) -> dict[str, str]:
    """FORGETTABLE, and the items of every space."""
    return {items: "id" for (items,) in conn.execute("SELECT items FROM main.spaces")} | FORGETTABLE


def _check_free(file: Path, *, force: bool) -> None:
    if not os.path.lexists(file):
        return
    if not file.is_file():
        raise BadInput(f"{file} is there and is no file: give another name")
    if not force:
        raise BadInput(f"{file} is there already: give another name, or replace it with --force")


@contextmanager
def _in_words(file: Path) -> Iterator[None]:
    """What the disk refuses, as one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _unwritten(file, str(error)) from error
    except OSError as error:
        raise _unwritten(file, error.strerror or str(error)) from error


def _unwritten(file: Path, reason: str) -> CollectionError:
    return CollectionError(
        f"cannot make the backup {file}: {reason.lower()}. Nothing of it was left behind"
    )
