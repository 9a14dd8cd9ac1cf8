"""One SQLite file: opened, brought to the current format, read and written in transactions.

WAL lets readers go on while one writer writes; a writer that dies leaves its transaction
behind, which SQLite drops. Deleted content is overwritten with zeros.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.migrations import FORMAT, MIGRATIONS
from retrieve.indexes.catalog.sums import teach
from retrieve.indexes.files import check_own, names, open_regular, size_bytes

APPLICATION_ID = 0x52545256  # "RTRV": tells our files from other people's SQLite files
SYNCHRONOUS = "FULL"  # what is acknowledged survives a power cut
BUSY_TIMEOUT_S = 300  # how long a writer waits for another one: compacting takes minutes
TURN_S = 0.5  # of that, at most this long without looking for Ctrl-C
LOOK_S = 0.01  # between two attempts of what SQLite does not wait for
# What SQLite says of a damaged file: the statements are ours, and right.
OF_DAMAGE = (
    sqlite3.SQLITE_ERROR,  # a table that is not there, an index of words that cannot be opened
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_MISMATCH,
)
BESIDE = ("-wal", "-shm", "-journal")  # ends of the names of SQLite's other files
CACHE_KB = 16_384  # pages of an album's catalog that an answer needs: SQLite's 2,000 hold few
VARIABLES = 500  # in one statement; old SQLite libraries stop at 999


class CannotWrite(CollectionError):
    """Disk or lock refuse it now; another time the same may succeed."""


class Connection(sqlite3.Connection):
    """One that calls damage by its name: what SQLite says of a damaged schema quotes its bytes,
    and where those are no UTF-8 Python's module stumbles over them.
    """

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """As sqlite3.Connection.execute()."""
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            said = error.object.decode("utf-8", "backslashreplace")
            raise sqlite3.DatabaseError(said) from error


def open_database(path: Path, *, create: bool = False, read_only: bool = False) -> Database:
    """The SQLite file of a collection, brought to the current format.

    create     make it if it is absent
    read_only  change nothing; so it is anyway where the folder cannot be written
    raises     CollectionError if there is none, or it is not ours, newer, or damaged
    """
    try:
        # SQLite follows links and waits for pipes; it is only told of what was looked at before.
        for end in BESIDE:
            check_own(path.with_name(path.name + end))
        shared = names(path) > 1
        if not create and not path.is_file():
            raise CollectionError(
                f"no collection at {path.parent}. Make one with: retrieve index FOLDER"
            )
        frozen = shared or (
            not create and not (_is_allowed(path.parent, "w") and _is_allowed(path, "w"))
        )
        if create and not shared:
            if not size_bytes(path):
                _check_no_vectors(path.parent)
            os.close(open_regular(path, os.O_RDWR | os.O_CREAT))
        elif not size_bytes(path):  # another process has just begun a first run, or it was killed
            _check_no_vectors(path.parent)
        conn = _connect_frozen(path) if frozen else _connect(path, "rw")
        try:
            return _prepared(conn, path, read_only=frozen or read_only)
        except BaseException:
            conn.close()  # which also removes the files that SQLite made beside it
            raise
    except (sqlite3.DatabaseError, OSError) as error:
        raise _refused(path, error, write=create) from error


def _check_no_vectors(folder: Path) -> None:
    """Without their catalog nobody knows of what embeddings are, and a new one overwrites them."""
    left = sorted(path.name for path in folder.glob("*.f32") if size_bytes(path))
    if left:
        raise CollectionError(
            f"{folder} holds embeddings ({', '.join(left)}) without their catalog. Restore the "
            "collection from a backup; to begin a new one choose another folder with --collection"
        )


def _refused(path: Path, error: sqlite3.DatabaseError | OSError, *, write: bool) -> CollectionError:
    """Why a file was not opened, and what can be done about it."""
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    if _is_full(reason, error.errno if isinstance(error, OSError) else None):
        hint = "Free some space and run again"
    elif not (_is_allowed(path.parent, "x") and _is_allowed(path, "r")) or (
        write and not (_is_allowed(path.parent, "w") and _is_allowed(path, "w"))
    ):
        hint = (
            f"Give yourself the right to {'write' if write else 'read'} there, or choose another "
            "folder with --collection"
        )
    else:
        hint = (
            "If it is damaged restore it from a backup; if it is something else choose another "
            "folder with --collection"
        )
    return CollectionError(f"cannot open {path}: {reason.lower()}. {hint}")


def _is_allowed(path: Path, way: str) -> bool:
    """Whether a file or folder may be read, written or entered; also if there is none."""
    mode = {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}[way]
    return os.access(path, mode) or not os.path.lexists(path)


def _prepared(conn: sqlite3.Connection, path: Path, *, read_only: bool) -> Database:
    # Plugins of sqlite-utils are other people's code; a collection is private.
    db = Database(conn, execute_plugins=False)
    teach(conn)
    db.execute("PRAGMA secure_delete = ON")
    db.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    _check_ours(db, path)
    if read_only:
        _check_current(db, path)
        db.execute("PRAGMA query_only = ON")
    else:
        _migrate(db, path)
    return db


def is_read_only(db: Database) -> bool:
    """Whether the collection was opened to be read only."""
    return bool(pragma(db, "query_only"))


def pragma(db: Database, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


@contextmanager
def writing(db: Database) -> Iterator[None]:
    """One transaction: all of it or nothing; other writers wait at its start.

    raises  CollectionError, with nothing changed, if the disk is full or fails, or another
            writer does not come to an end
    """
    if is_read_only(db):
        raise CollectionError(
            "this collection was opened to be read only, or lies where nothing can be written, "
            "or its catalog has other names (hard links). Copy it to a folder of yours to change it"
        )
    with in_words(), whole():
        _bury(db)
        with _transaction(db):
            yield


@contextmanager
def _transaction(db: Database) -> Iterator[None]:
    _begin(db)
    try:
        yield
        db.execute("COMMIT")
    except BaseException:  # Ctrl-C too must leave nothing behind; it goes on up
        if db.conn.in_transaction:
            db.execute("ROLLBACK")
        raise


def _bury(db: Database) -> None:
    """Write over what a commit whose flush failed may have left in the log.

    SQLite reports such a commit as failed and yet leaves its pages behind the log's end, where
    a recovery after a crash finds them whole: it would come through after all, when its rows
    in a vector file are overwritten already. A small commit in their place ends that before
    anything else is touched.
    """
    with _transaction(db):
        db.execute(f"PRAGMA user_version = {pragma(db, 'user_version')}")  # writes a page


def _begin(db: Database) -> None:
    """Wait for other writers in short turns: Ctrl-C cannot end SQLite's own waiting."""
    db.execute(f"PRAGMA busy_timeout = {int(TURN_S * 1000)}")
    try:
        _patiently(db, "BEGIN IMMEDIATE")
    finally:
        db.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")


def _patiently(db: Database, statement: str) -> None:
    """Execute it, again and again while another process has what it needs."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            db.execute(statement).fetchone()
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)


@contextmanager
def reading(db: Database) -> Iterator[None]:
    """One view of the catalog, whatever other processes commit meanwhile."""
    if db.conn.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        with whole():
            yield
    finally:
        db.execute("COMMIT")


@contextmanager
def whole() -> Iterator[None]:
    """Where SQLite finds its file damaged: one line that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in OF_DAMAGE:
            raise
        raise damaged(error) from error


def damaged(error: sqlite3.Error) -> CollectionError:
    """What SQLite found, as one line that says what to do."""
    return CollectionError(
        f"the catalog is damaged: {error}. What is damaged, and what can be done about it, is "
        "told by: retrieve check"
    )


def among(db: Database, query: str, values: Iterable[Any]) -> list[Any]:
    """The rows of a query, which ends with a column, where that is one of some values.

    In as many statements as the number of values takes.
    """
    wanted, found = list(dict.fromkeys(values)), []
    for start in range(0, len(wanted), VARIABLES):
        part = wanted[start : start + VARIABLES]
        found += db.execute(f"{query} IN ({','.join('?' * len(part))})", part).fetchall()
    return found


@contextmanager
def in_words() -> Iterator[None]:
    """What disk and database refuse, as one line that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise CannotWrite(_advice(str(error))) from error
    except OSError as error:
        raise CannotWrite(_advice(error.strerror or str(error), error.errno)) from error


def _advice(reason: str, number: int | None = None) -> str:
    if _is_full(reason, number):
        hint = "Free some space and run again"
    elif "locked" in reason:
        hint = f"Another process has been writing for {BUSY_TIMEOUT_S} s: wait for it or end it"
    elif number in (errno.EACCES, errno.EPERM, errno.EROFS) or "readonly" in reason:
        hint = "Give yourself the right to write into the collection's folder"
    else:
        hint = "Look at the disk, then run: retrieve check"
    return (
        f"cannot write to the collection: {reason.lower()}. Nothing that was stored is lost; "
        f"the batch at hand was left out. {hint}"
    )


def _is_full(reason: str, number: int | None) -> bool:
    return number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "full" in reason


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # A path from as_uri() is quoted; bytes outside UTF-8 are too.
    uri = f"{Path(os.path.abspath(path)).as_uri()}?mode={mode}"  # noqa: PTH100
    # Each thread has a connection of its own; whoever closes the collection ends them all.
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )


def _connect_frozen(path: Path) -> sqlite3.Connection:
    """A database where nothing may be written, not even the files that WAL needs."""
    wal, shm = (path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))
    left_over = wal.is_file() and wal.stat().st_size > 0
    if shm.is_file():
        conn = _connect(path, "ro")  # with its owner's processes, if there are any
        if _is_readable(conn):
            return conn
    if left_over:
        # Nobody is at work here, for there is no -shm: SQLite's index of the WAL can be in memory.
        conn = _connect(path, "ro&vfs=unix-none")
        conn.execute("PRAGMA locking_mode = EXCLUSIVE")
        if _is_readable(conn):
            return conn
        raise CollectionError(
            f"{path.parent} cannot be written, and its last changes wait in {wal.name}. Copy "
            "the collection to a folder of yours and open it there"
        )
    return _connect(path, "ro&immutable=1")


def _is_readable(conn: sqlite3.Connection) -> bool:
    try:
        conn.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        conn.close()
        return False
    return True


def _check_ours(db: Database, path: Path) -> None:
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    version = pragma(db, "user_version")
    if tables and pragma(db, "application_id") != APPLICATION_ID:
        raise CollectionError(
            f"{path} is an SQLite file of another program. Choose another folder with --collection"
        )
    if version > FORMAT:
        raise CollectionError(
            f"{path} has format {version}; this version of retrieve knows formats up to {FORMAT}. "
            f"Upgrade: pip install --upgrade retrieve"
        )


def _check_current(db: Database, path: Path) -> None:
    version = pragma(db, "user_version")
    if version < FORMAT:
        raise CollectionError(
            f"{path} has format {version}, which has to be brought to {FORMAT} before it can be "
            "read, and it was opened read only. Copy it to a folder of yours and open it there"
        )


def _migrate(db: Database, path: Path) -> None:
    """Bring the schema to FORMAT, in one transaction; other processes wait for it."""
    if pragma(db, "user_version") == FORMAT:
        return
    # Where two processes make a collection at once SQLite does not wait, but refuses one.
    _patiently(db, "PRAGMA journal_mode = WAL")
    with writing(db):
        for step in MIGRATIONS[pragma(db, "user_version") :]:
            step(db, path.parent)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
