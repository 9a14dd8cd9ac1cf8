"""A copy of a shard brought up to the one that is written by what differs between them.

The copy says what it holds, as digests of blocks of rows; the shard answers with the rows of the
blocks that are others there, and with the embeddings that are new; the copy puts these in by one
transaction of its own. Embeddings are written behind the committed ones and flushed before it, as
whenever anything is stored, so a copy is what it was or what the shard is, whoever dies, and a
search that goes on meanwhile sees one of the two. It is committed only if every digest is then
that of the shard, and the checksums of all embeddings that are new or have died fit their bytes.

What cannot be followed so (a vector file of another generation, too much that differs, anything
damaged) is copied whole (replacing.py). Questions to shards and their copies (engines/engine.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import reading, writing
from retrieve.indexes.catalog.passages import put_stems
from retrieve.indexes.catalog.sums import SIGNED, WORDS
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.search import traces
from retrieve.indexes.vectors import segments
from retrieve.indexes.vectors.file import sync_folder
from retrieve.indexes.vectors.segments import Segment
from retrieve.indexes.vectors.spaces import VectorSpace, every_space, is_staged

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

BLOCK_BITS = 6  # of ids: 64 rows are sent where one of them differs, and a digest for each 64
DIGEST_BYTES = 16
ROWS = 65_536  # read at a time
MOST_BLOCKS = 2_000  # that differ, and
MOST_BYTES = 64 << 20  # of new embeddings: beyond that a copy of the whole costs no more
SPACES = "spaces"  # the signed table that is keyed by name: few rows, compared as they are
# Copies of deleted rows of these may be left in the file, as after a deletion.
TRACED = frozenset({"contents", "paths", "faces", "crops", "passages", "pictures", "statements"})

Row = tuple[Any, ...]
Blocks = dict[int, bytes]


class Unlike(CollectionError):
    """What a copy would hold is not what the shard holds; nothing of it was committed."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a shard or a copy of it holds.

    blocks    by table, and by "TABLE row" of what has embeddings, digests of 64 ids each
    spaces    rows of that table, by name
    segments  by space and first row: rows, CRC-32
    """

    blocks: dict[str, Blocks]
    spaces: dict[str, Row]
    segments: dict[tuple[str, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a table, all that there are in some blocks."""

    blocks: list[int]
    columns: list[str]
    rows: list[Row]


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What is to be put into a copy.

    holds       what it holds then
    tables      in the order in which rows refer to each other
    embeddings  by space, (N, D) float32: rows behind those that the copy has
    segments    by space those that are new or others
    dead        by space all rows that are dead
    sequences   the last ids that were given
    """

    holds: Holding
    tables: dict[str, Part]
    embeddings: dict[str, NDArray[np.float32]]
    segments: dict[str, list[Segment]]
    dead: dict[str, list[int]]
    sequences: list[Row]


def settled(collection: Collection) -> str:
    """A question to a copy: its state(), after what one that died had still to overwrite."""
    if traces.pending(collection.db):
        traces.finish(collection.db, collection.path)
    return state(collection)


def holding(collection: Collection) -> Holding | None:
    """A question: what a copy holds; None where it is damaged, or being re-embedded."""
    with reading(collection.db):
        return _holding(collection.db)


def changes(collection: Collection, theirs: Holding) -> Changes | None:
    """A question: what a copy lacks of a shard; None where it had better be copied whole."""
    db = collection.db
    with reading(db):
        ours = _holding(db)
        if ours is None or not _is_behind(theirs, ours):
            return None
        differing = {name: _differing(theirs, ours, name) for name in ours.blocks}
        if sum(map(len, differing.values())) > MOST_BLOCKS:
            return None
        tables = {}
        for table in (*(one for one in SIGNED if one != SPACES), WORDS):
            blocks = differing[table] | differing.get(_rows_of(table), set())
            if blocks:
                columns = _columns(db, table)
                rows = list(_rows(db, table, columns, sorted(blocks)))
                tables[table] = Part(sorted(blocks), columns, rows)
        return Changes(
            ours,
            tables,
            {v.name: new for v in every_space(db, collection.path) if len(new := _new(v, theirs))},
            {name: _changed(db, name, theirs) for name in ours.spaces},
            {v.name: v.dead().tolist() for v in every_space(db, collection.path)},
            db.execute("SELECT name, seq FROM sqlite_sequence").fetchall(),
        )


def applied(collection: Collection, change: Changes) -> bool:
    """A question to a copy: let it hold what the shard holds; True when it does.

    raises  Unlike, with nothing changed, if it would not
    """
    db, folder = collection.db, collection.path
    with writing(db), _as_unlike(folder):
        db.execute("PRAGMA defer_foreign_keys = ON")
        _put_spaces(collection, change)
        gone = False
        # Those that refer to others go first, so that each finds its place as it was.
        for table, part in reversed(change.tables.items()):
            gone |= _remove(db, table, part) and table in TRACED
        for table, part in change.tables.items():
            _put(db, table, part)
        db.execute("DELETE FROM sqlite_sequence")
        db.conn.executemany("INSERT INTO sqlite_sequence VALUES (?, ?)", change.sequences)
        if _holding(db) != change.holds or not all(_fit(db, collection, change)):
            raise _unlike(folder)
        if gone:
            traces.mark(db)
    traces.finish(db, folder)
    if change.embeddings:
        collection.opened.make_indexes()
    return True


@contextmanager
def _as_unlike(folder: Path) -> Iterator[None]:
    """A row that does not fit beside those that are there already."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise _unlike(folder) from error


def _unlike(folder: Path) -> Unlike:
    return Unlike(f"{folder} could not be brought up to the shard by what differs")


def _holding(db: Database) -> Holding | None:
    """As the transaction at hand sees it."""
    spaces = {row[0]: tuple(row) for row in db.execute("SELECT * FROM spaces")}
    if any(map(is_staged, spaces)):
        return None
    lists = {name: f"SELECT id, sum FROM sums_{name}" for name in (*SIGNED, WORDS)}
    del lists[SPACES]
    for _, items, *_ in spaces.values():
        lists[_rows_of(items)] = f'SELECT id, row FROM "{items}"'
    try:
        blocks = {name: _blocks(db, f"{query} ORDER BY id") for name, query in lists.items()}
    except (TypeError, ValueError, OverflowError):  # a checksum that is no number
        return None
    found = db.execute("SELECT space, first, rows, crc FROM segments").fetchall()
    held = {(space, first): (rows, crc) for space, first, rows, crc in found}
    return Holding(blocks, spaces, held)


def _rows_of(items: str) -> str:
    return f"{items} row"


def _blocks(db: Database, query: str) -> Blocks:
    """Of pairs of integers, by the first of them, which ascend."""
    found: Blocks = {}
    block, digest = -1, blake2b(digest_size=DIGEST_BYTES)
    cursor = db.execute(query)
    while rows := cursor.fetchmany(ROWS):
        pairs = np.array(rows, np.int64)
        numbers = pairs[:, 0] >> BLOCK_BITS
        starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(pairs)]
        for start, stop in pairwise(starts):
            if block != (now := int(numbers[start])):
                if block >= 0:
                    found[block] = digest.digest()
                block, digest = now, blake2b(digest_size=DIGEST_BYTES)
            digest.update(pairs[start:stop].tobytes())
    if block >= 0:
        found[block] = digest.digest()
    return found


def _is_behind(theirs: Holding, ours: Holding) -> bool:
    """Whether the vector files of a copy are those of the shard, as they were once, and what is
    new is not too much.
    """
    size_bytes = 0
    for name, (_, items, made_by, dim, metric, rows, generation) in ours.spaces.items():
        held = theirs.spaces.get(name, (name, items, made_by, dim, metric, 0, generation))
        if held != (name, items, made_by, dim, metric, held[5], generation) or held[5] > rows:
            return False
        size_bytes += (rows - held[5]) * dim * 4
    return size_bytes <= MOST_BYTES and theirs.spaces.keys() <= ours.spaces.keys()


def _differing(theirs: Holding, ours: Holding, name: str) -> set[int]:
    held, wanted = theirs.blocks.get(name, {}), ours.blocks[name]
    return {one for one in held.keys() | wanted.keys() if held.get(one) != wanted.get(one)}


def _columns(db: Database, table: str) -> list[str]:
    if table == WORDS:
        return ["rowid", "title", "body"]
    names = [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", [table])]
    key = SIGNED[table]
    return [key, *(name for name in names if name != key)]


def _rows(db: Database, table: str, columns: list[str], blocks: Iterable[int]) -> Iterator[Row]:
    """All rows of some blocks, the key first."""
    quoted = ", ".join(f'"{name}"' if name != "rowid" else name for name in columns)
    key = columns[0]
    query = f'SELECT {quoted} FROM "{table}" WHERE {key} >= ? AND {key} < ?'
    for block in blocks:
        first = block << BLOCK_BITS
        yield from db.execute(query, [first, first + (1 << BLOCK_BITS)]).fetchall()


def _new(vectors: VectorSpace, theirs: Holding) -> NDArray[np.float32]:
    """Rows that a copy has not; those that are dead by now as zeros."""
    space = vectors.required()
    first = theirs.spaces[space.name][5] if space.name in theirs.spaces else 0
    return np.array(segments.living(vectors.gallery(space), first, space.rows, vectors.dying()))


def _changed(db: Database, name: str, theirs: Holding) -> list[Segment]:
    return [
        one
        for one in segments.segments(db, name)
        if theirs.segments.get((name, one.first)) != (one.rows, one.crc)
    ]


def _put_spaces(collection: Collection, change: Changes) -> None:
    """New embeddings and their checksums, and which are dead."""
    db = collection.db
    for name, row in change.holds.spaces.items():
        vectors = VectorSpace(db, collection.path, name)
        before = vectors.space()
        if before is None or before.rows != row[5]:
            db.execute("DELETE FROM spaces WHERE name = ?", [name])
            db.execute(f"INSERT INTO spaces VALUES ({', '.join('?' * len(row))})", row)
        new = change.embeddings.get(name)
        if new is not None:
            first = 0 if before is None else before.rows
            file = vectors.file(vectors.required())
            file.lengthen(first + len(new))
            file.overwrite(range(first, first + len(new)), new)
            sync_folder(collection.path)
        db.conn.executemany(
            "INSERT OR IGNORE INTO dead (space, row, wiped) VALUES (?, ?, 0)",
            ([name, one] for one in change.dead[name]),
        )
        for segment in change.segments[name]:
            segments.put(db, name, segment)


def _remove(db: Database, table: str, part: Part) -> bool:
    """Let rows go that the shard has no more, or others; returns whether any is there no more."""
    wanted = {row[0]: row for row in part.rows}
    held = list(_rows(db, table, part.columns, part.blocks))
    goes = [[row[0]] for row in held if wanted.get(row[0]) != row]
    db.conn.executemany(f'DELETE FROM "{table}" WHERE {part.columns[0]} = ?', goes)
    if table == WORDS:
        db.conn.executemany(f"DELETE FROM sums_{WORDS} WHERE id = ?", goes)
    return any(row[0] not in wanted for row in held)


def _put(db: Database, table: str, part: Part) -> None:
    there = {row[0] for row in _rows(db, table, part.columns, part.blocks)}
    new = [row for row in part.rows if row[0] not in there]
    if table == WORDS:
        for id, title, body in new:
            put_stems(db, id, [title], [body])
        return
    names = ", ".join(f'"{name}"' for name in part.columns)
    marks = ", ".join("?" * len(part.columns))
    db.conn.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', new)


def _fit(db: Database, collection: Collection, change: Changes) -> Iterator[bool]:
    """Whether the checksums of embeddings that are new or have died fit their bytes."""
    for name, some in change.segments.items():
        vectors = VectorSpace(db, collection.path, name)
        if not some:
            continue
        gallery, dying = vectors.there(), vectors.dying()
        for segment in some:
            yield segments.sound(gallery, segment, dying)
