"""A catalog that somebody else may have made: its schema, its values, its vectors.

SQLite is told to run nothing that such a file brings along (functions in views, triggers), to
write nothing, and to stop after a time that goes with the file's size: reading a page twice is
what makes a small file endless.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from retrieve.indexes.catalog.database import Connection, writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.upkeep.backup import Manifest
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.vetting.doubt import Unbelievable
from retrieve.indexes.upkeep.vetting.schema import check_schema
from retrieve.indexes.upkeep.vetting.values import check_spaces, check_values
from retrieve.indexes.vectors.spaces import every_space, file_name

LEAST_S = 5.0  # of the processor, for one look at a catalog
BYTES_PER_S = 500_000  # of the catalog besides: a tenth of what a slow machine reads
STEPS = 10_000  # of SQLite's machine, between two looks at the clock
LONGEST_VALUE = 1 << 27  # bytes: a text that becomes one passage is no longer
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: LONGEST_VALUE,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}


def check_catalog(folder: Path, manifest: Manifest) -> None:
    """Look at a collection that was just unpacked, and bring it to the current format.

    raises  Unbelievable for the first thing that is not as in a collection that we made,
            CollectionError if it cannot be opened
    """
    with _doubted(folder / CATALOG) as db:
        if check_schema(db) != manifest.catalog_format:
            raise Unbelievable("its catalog and its manifest disagree about its format")
        _check_pages(db)
        check_spaces(db)
    with open_collection(folder) as collection:  # which brings it to the current format
        _check_files(folder, manifest, collection.db)
    with _doubted(folder / CATALOG) as db:
        check_schema(db)
        check_values(db)
    with open_collection(folder) as collection:
        with writing(collection.db):
            collection.db.execute("DELETE FROM caches")  # of files that are in no backup
        for finding in check(collection, indexes=False):
            if finding.wrong:
                raise Unbelievable(finding.what)


def _check_files(folder: Path, manifest: Manifest, db: Database) -> None:
    """With the catalog came its vector files and no others, as long as it says."""
    sizes = {}
    for vectors in every_space(db, folder):
        space, gallery = vectors.required(), vectors.gallery()
        sizes[file_name(space.name, space.generation)] = gallery.nbytes
    held = {name: member.size_bytes for name, member in manifest.members.items()}
    held.pop(CATALOG, None)
    if sizes != held:
        raise Unbelievable("its catalog and its manifest disagree about its vector files")


@contextmanager
def _doubted(path: Path) -> Iterator[Database]:
    """The catalog, to be looked at and nothing else."""
    uri = f"{path.absolute().as_uri()}?mode=rw"  # its log is brought into it
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, factory=Connection)) as conn:
        for limit, value in LIMITS.items():
            conn.setlimit(limit, value)
        until = time.process_time() + LEAST_S + path.stat().st_size / BYTES_PER_S
        conn.set_progress_handler(lambda: time.process_time() > until, STEPS)
        db = Database(conn, execute_plugins=False)
        try:
            for setting in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
                db.execute(f"PRAGMA {setting}")
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute("PRAGMA query_only = ON")
            yield db
        except sqlite3.Error as error:
            reason = "it takes too long" if "interrupted" in str(error) else str(error)
            raise Unbelievable(f"its catalog cannot be read: {reason}") from error


def _check_pages(db: Database) -> None:
    """No page is read twice from here on, and each row refers to what is there."""
    answer = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if answer != "ok":
        raise Unbelievable(f"its catalog is damaged: {' '.join(str(answer).split())}")
    broken = db.execute("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        raise Unbelievable(f"a row of {broken[0]} in its catalog refers to one that is not there")
