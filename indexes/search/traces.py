"""What a deletion has to do after its commit, and does although its process dies.

Deleted rows are overwritten with zeros at once (PRAGMA secure_delete), but not everywhere:
when SQLite moves rows between pages it can leave copies in the unused part of a page, where
a deletion does not find them (in trials with SQLite 3.40 copies of 0 to 4 paths, checksums
or landmarks of 2,800 deleted rows); and the write-ahead log holds the pages as they were. So the
catalog is written anew and the log cut to nothing. That this is still to be done is a
row of the catalog, committed with the deletion.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

from sqlite_utils import Database

from retrieve import unfinished
from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import BUSY_TIMEOUT_S, writing
from retrieve.indexes.search.engine import remove_unowned
from retrieve.indexes.vectors.spaces import every_space, remove_unowned_vectors

CATALOG_ROWS = "catalog"  # in the table of dead rows: some of the catalog itself
PATIENCE_S = 30.0  # with readers that do not end
LOOK_S = 0.25  # between two attempts, so that Ctrl-C is heard

# Where SQLite puts temporary files is one setting of the whole process, whose threads may write
# several collections anew.
_vacuuming = threading.Lock()


def mark(db: Database) -> None:
    """State that the catalog holds traces of deleted rows; call inside the transaction."""
    db.execute("INSERT INTO dead VALUES (?, ?, 0)", [CATALOG_ROWS, secrets.randbits(62)])


def pending(db: Database) -> list[int]:
    """Marks of deletions whose traces are not removed yet."""
    query = "SELECT row FROM dead WHERE space = ? AND NOT wiped"
    return [row for (row,) in db.execute(query, [CATALOG_ROWS])]


def finish(db: Database, folder: Path, *, patience_s: float = 0.0) -> bool:
    """Overwrite and unlink all that was deleted, by this process or one that died.

    patience_s  how long to wait for readers, in whose view the deleted rows still are
    returns     whether nothing is left to do
    raises      CollectionError if the disk is full or fails, a writer does not end, or the
                collection is read only
    """
    overwrite(db, folder)
    marks = pending(db)
    if not marks:
        return True
    _write_anew(db, folder)
    if not cut_log(db, patience_s=patience_s):
        return False
    with writing(db):  # only the marks that were there before: other deletions have their own
        db.conn.executemany(
            "DELETE FROM dead WHERE space = ? AND row = ?",
            ([CATALOG_ROWS, row] for row in marks),
        )
    cut_log(db, patience_s=0)
    return True


def overwrite(db: Database, folder: Path) -> None:
    """The part that leaves the catalog's file alone: dead embeddings, files without an owner, and
    what was being made of the collection elsewhere by processes that are no more.
    """
    for vectors in every_space(db, folder):
        vectors.wipe()
        vectors.remove_leftovers()
    remove_unowned_vectors(db, folder)
    remove_unowned(db, folder)
    unfinished.remove_left_of(folder)


def finish_or_raise(db: Database, folder: Path, *, patience_s: float = PATIENCE_S) -> None:
    """finish(), where its not coming to an end is an error."""
    if not finish(db, folder, patience_s=patience_s):
        raise CollectionError(
            "what was deleted can be found and searched no more, but its bytes are still in "
            f"catalog.sqlite-wal: another process has been reading for {patience_s:g} s. End it, "
            "then run: retrieve repair"
        )


def _write_anew(db: Database, folder: Path) -> None:
    """The catalog's file with nothing in it but what the catalog holds.

    folder  the collection's, where SQLite puts the copy that it makes on the way, unlinked
            at once: the system's temporary folder may be another disk, not encrypted
    """
    with writing(db):
        merge_words(db)
    try:
        vacuum(db, folder)
    except sqlite3.OperationalError as error:
        raise CollectionError(
            f"what was deleted can be found and searched no more, but traces of it are left in "
            f"catalog.sqlite, which could not be written anew: {error}. It takes twice its size "
            "in free space; then run: retrieve repair"
        ) from error


def vacuum(db: Database, folder: Path) -> None:
    """Write an SQLite file anew, by way of a copy in that folder; raises sqlite3.OperationalError
    where there is no room for it.
    """
    with _vacuuming:
        # On disk: a catalog has 4 kB a face, too much for memory.
        db.execute("PRAGMA temp_store = FILE")
        _put_temporaries(db, str(folder.absolute()))
        try:
            db.execute("VACUUM")
        finally:
            _put_temporaries(db, "")
            db.execute("PRAGMA temp_store = MEMORY")


def _put_temporaries(db: Database, folder: str) -> None:
    """Where SQLite makes its temporary files from now on; empty where the system says."""
    with suppress(UnicodeEncodeError):  # a name that is no text cannot be said in SQL
        quoted = folder.replace("'", "''")
        db.execute(f"PRAGMA temp_store_directory = '{quoted}'")


def merge_words(db: Database) -> None:
    """Leave deleted words out of the index of words: FTS5 keeps them until it merges segments."""
    db.execute("INSERT INTO stems (stems) VALUES ('optimize')")


def cut_log(db: Database, *, patience_s: float) -> bool:
    """Bring the write-ahead log into the catalog's file and cut it to nothing.

    returns  False if a reader needed it all the time
    """
    until = time.monotonic() + patience_s
    db.execute(f"PRAGMA busy_timeout = {int(LOOK_S * 1000)}")
    try:
        while True:
            with suppress(sqlite3.OperationalError):  # "locked": another one is just doing it
                if not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    return True
            if time.monotonic() >= until:
                return False
    finally:
        db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
