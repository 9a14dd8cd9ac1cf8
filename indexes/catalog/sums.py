"""A checksum for each row that an answer is made of, so that a bit that a disk turned is found.

Beside each table lies another, `sums_…`, with the first eight bytes of BLAKE2b of every row.
Triggers keep it, so that no writer can forget to; they call row_sum(), which each connection of
ours knows and no other program does: what that changes behind our back it cannot sign, and
SQLite refuses. As with the checksums of embeddings, a row that was damaged is not signed a second
time when some of it is changed: it stays known as damaged.

Left out is what says only where an embedding lies (`row`): compacting renumbers all, and rows
ascend with ids and leave no gap but the dead, which check looks at.
"""

from __future__ import annotations

import json
import marshal
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any

from sqlite_utils import Database

from retrieve.errors import CollectionError

SIGNED = {  # tables, and the column that names a row for good
    "spaces": "name",
    "contents": "id",
    "paths": "id",
    "faces": "id",
    "crops": "face_id",
    "persons": "id",
    "statements": "id",
    "suggestions": "id",
    "passages": "id",
    "staged_faces": "id",
    "words": "id",
    "pictures": "id",
    "classes": "id",
    "recognised": "content_id",
}
UNSIGNED = {"row"}  # columns
WORDS = "stems"  # the index of words: FTS5's table has no triggers, put_stems() signs
SUM_BYTES = 8
MARSHAL_FORMAT = 2  # later ones refer to what was written before, as the objects happen to be

_TEXT = b"t"  # before the bytes of a text, which are no blob's
_LISTED = "IN (SELECT value FROM json_each(?))"
_INTEGER = struct.Struct("<q")

_columns: dict[str, list[str]] = {}  # of the current format, which every open catalog has

Value = None | int | float | bytes
Row = tuple[Any, ...]  # its values; of read() its checksum before them


def row_sum(*values: Value) -> int:
    """64 bits of BLAKE2b of a row's values, signed as SQLite's integers are.

    Each value goes in with its type and length, so that no two rows read the same: in the format
    2 of marshal, which every Python since 2.5 writes, and C writes in a fifth of the time that it
    takes to put the same together here. A test holds it.
    """
    return sum_of(values)


def sum_of(values: tuple[Value, ...]) -> int:
    """row_sum() of values that stand in a tuple."""
    return _sum(_digest(values))


def _digest(values: tuple[Value, ...]) -> bytes:
    return blake2b(marshal.dumps(values, MARSHAL_FORMAT), digest_size=SUM_BYTES).digest()


def _sum(digest: bytes) -> int:
    return int(_INTEGER.unpack(digest)[0])


def teach(conn: sqlite3.Connection) -> None:
    """Let a connection sign rows."""
    conn.create_function("row_sum", -1, row_sum, deterministic=True)


def signed_columns(db: Database, table: str) -> list[str]:
    """The columns of a table that its checksums cover."""
    columns = db.execute("SELECT name FROM pragma_table_info(?)", [table]).fetchall()
    return [name for (name,) in columns if name not in UNSIGNED]


def expression(columns: Iterable[str], of: str) -> str:
    """SQL for the checksum of a row, which is called `of` (NEW, OLD, a table).

    Text is handed over as bytes, after a t: where a bit has turned it may be no UTF-8 any more,
    and a blob of the same bytes is another value.
    """
    return f"row_sum({', '.join(value(name, of) for name in columns)})"


def _expression(db: Database, table: str) -> str:
    """The same for rows of a table that has all its columns."""
    return expression(columns_of(db, table), table)


def columns_of(db: Database, table: str) -> list[str]:
    """signed_columns() of a table of the current format, asked once."""
    columns = _columns.get(table)
    if columns is None:
        columns = _columns[table] = signed_columns(db, table)
    return columns


def value(name: str, of: str) -> str:
    """SQL for a column as it goes into the checksum."""
    return (
        f"CASE typeof({of}.{name}) WHEN 'text' THEN CAST('t' || {of}.{name} AS BLOB) "
        f"ELSE {of}.{name} END"
    )


def sign_all(db: Database, *tables: str) -> None:
    """Sign every row that there is, and let triggers sign from now on; for migrations.

    tables  only these; all that there are, and the index of words, where none is named

    A migration that adds a column to a signed table calls it again for that table.
    """
    for table, key in SIGNED.items():
        there = db.execute("SELECT 1 FROM pragma_table_info(?)", [table]).fetchone()
        if there is None or (tables and table not in tables):
            continue
        columns = signed_columns(db, table)
        sums = f"sums_{table}"
        for event in ("insert", "update", "delete"):
            db.execute(f"DROP TRIGGER IF EXISTS {sums}_{event}")
        db.execute(f"DROP TABLE IF EXISTS {sums}")
        whole = "INTEGER PRIMARY KEY" if key != "name" else "TEXT PRIMARY KEY"
        db.execute(f"CREATE TABLE {sums} (id {whole}, sum INTEGER NOT NULL)")
        db.execute(
            f"INSERT INTO {sums} SELECT {key}, {expression(columns, table)} FROM {table} "
            f"ORDER BY {key}"
        )
        new, old = expression(columns, "NEW"), expression(columns, "OLD")
        db.execute(
            f"CREATE TRIGGER {sums}_insert AFTER INSERT ON {table} BEGIN "
            f"INSERT OR REPLACE INTO {sums} VALUES (NEW.{key}, {new}); END"
        )
        db.execute(
            f"CREATE TRIGGER {sums}_update AFTER UPDATE OF {', '.join(columns)} ON {table} BEGIN "
            f"UPDATE {sums} SET sum = {new} WHERE id = OLD.{key} AND sum = {old}; END"
        )
        db.execute(
            f"CREATE TRIGGER {sums}_delete AFTER DELETE ON {table} BEGIN "
            f"DELETE FROM {sums} WHERE id = OLD.{key}; END"
        )
    if tables:
        return
    db.execute(f"DROP TABLE IF EXISTS sums_{WORDS}")
    db.execute(f"CREATE TABLE sums_{WORDS} (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL)")
    db.execute(
        f"INSERT INTO sums_{WORDS} SELECT rowid, row_sum(CAST(title AS BLOB), CAST(body AS BLOB)) "
        f"FROM {WORDS}"
    )


def sign_words(db: Database, id: int | None, title: str, body: str) -> None:
    """State the checksum of what the index of words holds of a passage."""
    db.execute(
        f"INSERT OR REPLACE INTO sums_{WORDS} VALUES (?, ?)",
        [id, row_sum(title.encode(), body.encode())],
    )


def damaged(db: Database, table: str) -> list[int | str]:
    """The keys of rows of a table that are not what was written, or that are there no more.

    raises  sqlite3.DatabaseError if the table cannot be read to its end
    """
    if table == WORDS:
        # As FTS5 keeps it: its own table would be asked for each row.
        row, key, source = "row_sum(CAST(c0 AS BLOB), CAST(c1 AS BLOB))", "id", "stems_content"
    else:
        key, source = SIGNED[table], table
        row = expression(signed_columns(db, table), table)  # of a format on its way, too
    sums = f"sums_{table}"
    found = db.execute(
        f"SELECT {source}.{key} FROM {source} LEFT JOIN {sums} ON {sums}.id = {source}.{key} "
        f"WHERE {sums}.sum IS NOT {row} "
        f"UNION SELECT id FROM {sums} WHERE id NOT IN (SELECT {key} FROM {source})"
    )
    return [key for (key,) in found]


def is_damaged(db: Database) -> bool:
    """Whether anything of a catalog is not what was written; reads all of it."""
    try:
        if db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            return True
        return any(damaged(db, table) for table in (*SIGNED, WORDS))
    except sqlite3.ProgrammingError:  # it is closed
        return False
    except sqlite3.DatabaseError:
        return True


def check_table(db: Database, *tables: str) -> None:
    """Every row of some tables; raises CollectionError where one is not what was written."""
    for table in tables:
        if found := damaged(db, table):
            raise _refused(table, found)


def checked(db: Database, table: str) -> list[Row]:
    """The values of all rows of a table that its checksums cover, in the order of their keys and
    as fetched() gives them.

    raises  CollectionError where one is not what was written, or is there no more

    The sums are read by themselves and compared all at once: of 100,000 rows that takes half as
    long as to join and compare row by row.
    """
    key, columns = SIGNED[table], columns_of(db, table)
    rows = fetched(db, f"SELECT {', '.join(columns)} FROM {table} ORDER BY {key}", [])
    stated = fetched(db, f"SELECT id, sum FROM sums_{table} ORDER BY id", [])
    at = columns.index(key)
    keys, signed = [row[at] for row in rows], [id for id, _ in stated]
    if keys != signed:
        raise _refused(table, sorted({*keys} ^ {*signed}, key=repr))
    found = [_digest(row) for row in rows]
    try:
        wanted = struct.pack(f"<{len(stated)}q", *(sum for _, sum in stated))
    except struct.error:  # the sum itself is damaged
        wanted = b""
    if b"".join(found) != wanted:
        wrong = [id for digest, (id, sum) in zip(found, stated, strict=True) if _sum(digest) != sum]
        raise _refused(table, wrong)
    return rows


def check_row(db: Database, table: str, key: int | str) -> None:
    """One row, if it is there; raises CollectionError if it is not what was written."""
    check_read(db, table, read(db, table, f"{table}.{SIGNED[table]} = ?", key))


def check_items(db: Database, items: str, column: str, values: Iterable[int]) -> None:
    """Faces or passages that an answer has named, and the rows that it took of others.

    column  of the table `items` that has these values
    raises  CollectionError if a row of them is not what was written
    """
    wanted = json.dumps(list(values))
    if wanted == "[]":
        return
    found = read(db, items, f"{items}.{column} {_LISTED}", wanted)
    check_read(db, items, found)
    contents = json.dumps(_column(db, items, "content_id", found))
    for table, key in (("contents", "id"), ("paths", "content_id")):
        check_read(db, table, read(db, table, f"{table}.{key} {_LISTED}", contents))
    if items == "faces":
        named, where = json.dumps(_column(db, items, "person_id", found)), _LISTED
    else:
        named, where = contents, f"IN (SELECT person_id FROM faces WHERE content_id {_LISTED})"
    check_read(db, "persons", read(db, "persons", f"persons.id {where}", named))


def read(db: Database, table: str, where: str, value: int | str) -> list[Row]:
    """Some rows of a table, not compared yet: of each its checksum, or None, and its values.

    All in one statement, and hashed here: a function that SQLite calls row by row, of values that
    it has put together for it, takes twice the time.
    where    a condition with one variable
    returns  values of the columns that the checksum covers, in order, as they go into it
    """
    return fetched(db, _query(table, tuple(columns_of(db, table)), where), [value])


def fetched(db: Database, query: str, values: Sequence[int | str | None]) -> list[Row]:
    """The rows of a query, texts as they go into a checksum."""
    conn, kept = db.conn, db.conn.text_factory
    conn.text_factory = _TEXT.__add__
    try:
        return conn.execute(query, values).fetchall()
    finally:
        conn.text_factory = kept


def as_stored(value: Any) -> Any:
    """A value out of fetched() as it is stored: text is text again.

    A blob that begins with a t would be taken for text. There is none in a column of texts: paths,
    which are blobs where they are no UTF-8, begin at the root.
    """
    if isinstance(value, bytes) and value.startswith(_TEXT):
        return value[len(_TEXT) :].decode()
    return value


@cache
def _query(table: str, columns: tuple[str, ...], where: str) -> str:
    return f"SELECT {selected(table, columns)} FROM {table} {with_sums(table)} WHERE {where}"


def selected(table: str, columns: Iterable[str]) -> str:
    """SQL for the checksum of a row and what it covers."""
    return f"sums_{table}.sum, {', '.join(f'{table}.{name}' for name in columns)}"


def with_sums(table: str) -> str:
    """SQL that joins a table's checksums to it."""
    return f"LEFT JOIN sums_{table} ON sums_{table}.id = {table}.{SIGNED[table]}"


def check_read(db: Database, table: str, rows: Iterable[Row]) -> None:
    """Raises CollectionError if one of the rows that read() gave is not what was written."""
    for row in rows:
        if sum_of(row[1:]) != row[0]:
            raise _refused(table, _column(db, table, SIGNED[table], [row]))


def _column(db: Database, table: str, name: str, rows: list[Row]) -> list[Any]:
    at = 1 + columns_of(db, table).index(name)
    return [row[at] for row in rows]


class Torn(CollectionError):
    """The catalog does not say of what some embeddings are."""


def torn(items: str) -> Torn:
    """What is to be raised where a row of embeddings is of none of the items, or of two."""
    return Torn(
        f"the catalog is damaged: it does not say of which of its {items} some embeddings are. "
        "What is damaged is told by: retrieve check"
    )


def _refused(table: str, keys: list[Any]) -> CollectionError:
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    first = (
        keys[0][len(_TEXT) :].decode(errors="replace") if isinstance(keys[0], bytes) else keys[0]
    )
    return CollectionError(
        f"the catalog is damaged: row {first}{more} of its table {table} is not what was "
        "written, and no answer is made of it. What is damaged is told by: retrieve check; to "
        "mend it: retrieve repair"
    )


def is_sound(db: Database, table: str, key: int | str) -> bool:
    """Whether a row is there and what was written."""
    row = db.execute(
        f"SELECT {_expression(db, table)} FROM {table} WHERE {SIGNED[table]} = ?",
        [key],
    ).fetchone()
    return row is not None and row[0] == stated(db, table, key)


def sign(db: Database, table: str, key: int | str) -> None:
    """Sign a row as it is now, whatever its checksum was: what it holds is known to be right."""
    column = SIGNED[table]
    db.execute(
        f"INSERT OR REPLACE INTO sums_{table} SELECT {column}, "
        f"{_expression(db, table)} FROM {table} WHERE {column} = ?",
        [key],
    )


def stated(db: Database, table: str, key: int | str) -> int | None:
    """The checksum that is kept of a row."""
    row = db.execute(f"SELECT sum FROM sums_{table} WHERE id = ?", [key]).fetchone()
    return row[0] if row is not None and isinstance(row[0], int) else None  # else it is damaged


def nearly(values: list[Value], wanted: int) -> Iterator[list[Value]]:
    """Rows that differ from one in a single bit and have the wanted checksum: one at most.

    A disk or a memory turns single bits, and 64 bits of a checksum tell which: of a row of n
    bits one of n others fits, and that another does so by chance is n in 2 ** 64.
    """
    for place, value in enumerate(values):
        for changed in _with_one_bit(value):
            row = [*values[:place], changed, *values[place + 1 :]]
            if row_sum(*row) == wanted:
                yield row
                return


def _with_one_bit(value: Value) -> Iterator[Value]:
    if isinstance(value, bytes):
        data = bytearray(value)
        for at in range(len(data)):
            for bit in range(8):
                data[at] ^= 1 << bit
                yield bytes(data)
                data[at] ^= 1 << bit
    elif isinstance(value, float):
        for changed in _with_one_bit(struct.pack("<d", value)):
            assert isinstance(changed, bytes)
            yield struct.unpack("<d", changed)[0]
    elif isinstance(value, int):
        # 0 and 1 take no byte in SQLite's file: the type alone says them.
        yield from {0, 1} - {value}
        for bit in range(63):
            yield value ^ (1 << bit)
        yield value ^ -(1 << 63)
