"""What a shard holds as one checksum, by which copies are told to be equal and backups current.

It is made of the checksums that the shard has of each of its rows and of its embeddings
(catalog/sums.py, vectors/segments.py). What follows from them or says how far a deletion is, the
indexes and the list of dead rows, is left out.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sqlite_utils import Database

from retrieve.indexes.catalog.database import reading
from retrieve.indexes.opened import Opened

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

ROWS = 4096  # read at a time
SUMS = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'sums\\_%' ESCAPE '\\' "
    "ORDER BY name"
)
# By open collection: at which commit it was computed, and what it was.
_known: WeakKeyDictionary[Opened, tuple[tuple[int, int], str]] = WeakKeyDictionary()
EMBEDDINGS = "SELECT space, first, rows, crc FROM segments ORDER BY space, first"


def state(collection: Collection) -> str:
    """64 hexadecimal digits, the same as long as a shard holds the same; a question to a shard.

    It is computed once for each commit while the shard is open.
    """
    opened = collection.opened
    with reading(collection.db):
        version = opened.version()
        known = _known.get(opened)
        if known is None or known[0] != version:
            known = _known[opened] = version, state_of(collection.db)
        return known[1]


def state_of(db: Database) -> str:
    """That of a catalog as the transaction at hand sees it."""
    digest = sha256()
    tables = [name for (name,) in db.execute(SUMS)]
    queries = [f'SELECT id, sum FROM "{name}" ORDER BY id' for name in tables]
    for name, query in zip([*tables, "segments"], [*queries, EMBEDDINGS], strict=True):
        digest.update(f"{name}\n".encode())
        cursor = db.execute(query)
        while rows := cursor.fetchmany(ROWS):
            digest.update(repr(rows).encode())
    return digest.hexdigest()
