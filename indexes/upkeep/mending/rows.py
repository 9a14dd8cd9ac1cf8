"""Damaged rows of the catalog: named, and mended where that can be proved.

A mended row is believed only if it has the checksum that was kept of the row that was written
(indexes/catalog/sums.py): a single bit that turned is found by trying all of them, a key is made
of its name again; what files say is read from them again (derive.py). SQLite's own indexes are
made again where they do not fit their tables.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from sqlite_utils import Database

from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import key_of
from retrieve.indexes.catalog.sums import SIGNED, Value

AGAIN = "forget it and index it again: retrieve forget PATH, then retrieve index PATH"
LOOK = "let photos be looked at again: retrieve reembed --pictures"
READ = "let words in pictures be read again: retrieve index --ocr FOLDER"
TODO = {
    "spaces": "restore the collection from a backup",
    "contents": AGAIN,
    "paths": "index its folder again: retrieve index FOLDER",
    "faces": AGAIN,
    "crops": AGAIN,
    "persons": "give the name again: retrieve name NAME --person OLD",
    "statements": "let what holds say it again: retrieve repair",
    "suggestions": "ask them anew: retrieve group",
    "passages": AGAIN,
    "staged_faces": "begin anew: retrieve reembed",
    "words": "make the index of words again: retrieve repair",
    "pictures": LOOK,
    "classes": LOOK,
    "recognised": READ,
}
# What integrity_check says of an index that does not fit its table, which is derived again.
OF_AN_INDEX = ("missing from index", "wrong # of entries in index", "non-unique entry in index")
# And of a value of another type than its column's, or of none.
OF_A_ROW = re.compile(rf"(NULL|TEXT|NUMERIC) value in ({'|'.join(SIGNED)})\.(?!row$)\w+")


@dataclass(frozen=True, slots=True)
class Lost:
    """A row that is not what was written, and what a person may do about it."""

    table: str
    key: int | str
    what: str
    todo: str


@dataclass(frozen=True, slots=True)
class Mended:
    """How many rows are right again, and those that are not."""

    rows: int
    left: list[Lost]


def damaged(db: Database) -> Iterator[tuple[str, list[int | str]]]:
    """Tables with rows that are not what was written, and the keys of these."""
    for table in SIGNED:
        found = sums.damaged(db, table)
        if found:
            yield table, found


def mend(db: Database) -> Mended:
    """Mend what can be proved, in one transaction, and name the rest.

    raises  sqlite3.DatabaseError if the catalog cannot be read to its end
    """
    mended, left = 0, []
    with writing(db):
        if any(is_of_an_index(line) for (line,) in db.execute("PRAGMA integrity_check")):
            mended += _renew_indexes(db)
        for table, keys in list(damaged(db)):
            for key in keys:
                if _mend(db, table, key):
                    mended += 1
                else:
                    left.append(Lost(table, key, _named(db, table, key), TODO[table]))
    return Mended(mended, left)


def is_of_an_index(line: str) -> bool:
    """Whether that line of integrity_check is about an index of SQLite."""
    return any(words in line for words in OF_AN_INDEX)


def is_of_a_row(line: str) -> bool:
    """Whether it is about a value alone that has a checksum."""
    return OF_A_ROW.fullmatch(line) is not None


def _renew_indexes(db: Database) -> int:
    """Make the indexes of SQLite again; 0 if damaged rows would be the same in them."""
    try:
        db.execute("REINDEX")
    except sqlite3.IntegrityError:
        return 0
    return 1


def _mend(db: Database, table: str, key: int | str) -> bool:
    if table == "words":  # which stems they are is not known: they are made again
        db.execute("INSERT OR REPLACE INTO words VALUES (1, 0)")
        return True
    wanted, columns = sums.stated(db, table, key), sums.signed_columns(db, table)
    found = db.execute(
        f"SELECT {', '.join(sums.value(one, table) for one in columns)} "
        f"FROM {table} WHERE {SIGNED[table]} = ?",
        [key],
    ).fetchone()
    if found is None or wanted is None:
        return False
    values: list[Value] = list(found)
    if (sums.row_sum(*values) ^ wanted).bit_count() == 1:  # it was the checksum itself
        sums.sign(db, table, key)
        return True
    for row in _candidates(table, values, wanted):
        return _put(db, table, key, columns, row)
    return False


def prove(
    db: Database,
    table: str,
    key: int | str,
    derived: Mapping[str, object],
    *,
    in_part: bool = True,
) -> bool:
    """Write what was derived of a damaged row where that has the row's checksum; inside a
    transaction.

    derived  columns with the values that they should have; others stay as they are
    in_part  some of it will do: a date that a file beside a photo told may be there no more, and
             the rest is as it was
    returns  whether the row is what was written

    Where the row is all that was derived it is signed: it was the checksum that was damaged.
    """
    wanted, columns = sums.stated(db, table, key), sums.signed_columns(db, table)
    found = db.execute(
        f"SELECT {', '.join(sums.value(one, table) for one in columns)} "
        f"FROM {table} WHERE {SIGNED[table]} = ?",
        [key],
    ).fetchone()
    if found is None:
        return False
    new = {
        place: value
        for place, name in enumerate(columns)
        if name in derived and (value := _signed_value(derived[name])) != found[place]
    }
    if not new and set(columns) <= {*derived, SIGNED[table]}:
        sums.sign(db, table, key)
        return True
    if wanted is None:
        return False
    # 2 ** 15 rows at most: a content has as many columns.
    for many in range(len(new) + 1) if in_part else [len(new)]:
        for some in combinations(new, many):
            row = [new[place] if place in some else one for place, one in enumerate(found)]
            if sums.row_sum(*row) == wanted:
                return _put(db, table, key, columns, row)
    return False


def renew(db: Database, table: str, key: int | str, derived: Mapping[str, object]) -> None:
    """Write what is known to be right of a row and sign it; inside a transaction."""
    assert all(value is None or isinstance(value, (str, int, float)) for value in derived.values())
    db.execute(
        f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in derived)} "
        f"WHERE {SIGNED[table]} = ?",
        [*derived.values(), key],
    )
    sums.sign(db, table, key)


def _signed_value(value: object) -> Value:
    """As it goes into the checksum."""
    assert value is None or isinstance(value, (str, bytes, int, float))
    return b"t" + value.encode() if isinstance(value, str) else value


def _candidates(table: str, values: list[Value], wanted: int) -> Iterator[list[Value]]:
    """Rows near a damaged one that have its checksum."""
    if table == "persons" and isinstance(values[1], bytes):
        name = values[1][1:].decode("utf-8", "replace")
        derived: list[Value] = [*values[:2], b"t" + key_of(name).encode(), *values[3:]]
        if sums.row_sum(*derived) == wanted:
            yield derived
            return
    yield from sums.nearly(values, wanted)


def _put(db: Database, table: str, key: int | str, columns: list[str], values: list[Value]) -> bool:
    """Write a row as it was; its checksum is kept, for it is the one of that row.

    returns  False if SQLite's indexes know the row as it was: they are to be made again first
    """
    kinds = dict(db.execute("SELECT name, type FROM pragma_table_info(?)", [table]).fetchall())
    names, given = [], []
    for name, value in zip(columns, values, strict=True):
        text = isinstance(value, bytes) and value[:1] == b"t" and kinds[name] in ("TEXT", "")
        names.append(f"{name} = {'CAST(? AS TEXT)' if text else '?'}")
        given.append(value[1:] if text and isinstance(value, bytes) else value)
    try:
        db.execute(
            f"UPDATE {table} SET {', '.join(names)} WHERE {SIGNED[table]} = ?", [*given, key]
        )
    except sqlite3.DatabaseError:
        return False
    assert sums.is_sound(db, table, key)
    return True


def _named(db: Database, table: str, key: int | str) -> str:
    """The row in words: the file or the person that it is of, where that can be told."""
    of = {
        "contents": "SELECT path FROM paths WHERE content_id = ?",
        "paths": "SELECT path FROM paths WHERE id = ?",
        "persons": "SELECT name FROM persons WHERE id = ?",
        "faces": "SELECT path FROM paths JOIN faces USING (content_id) WHERE faces.id = ?",
        "crops": "SELECT path FROM paths JOIN faces USING (content_id) WHERE faces.id = ?",
        "passages": "SELECT path FROM paths JOIN passages USING (content_id) WHERE passages.id = ?",
        "pictures": "SELECT path FROM paths JOIN pictures USING (content_id) WHERE pictures.id = ?",
        "classes": "SELECT path FROM paths JOIN classes USING (content_id) WHERE classes.id = ?",
        "recognised": "SELECT path FROM paths WHERE content_id = ?",
    }.get(table)
    row = db.execute(f"{of} LIMIT 1", [key]).fetchone() if of else None
    told = f"row {key} of {table}"
    if row is None or not isinstance(row[0], (str, bytes)):
        return told
    of_what = str(row[0]) if table == "persons" else path_of(row[0])
    shown = os.fsencode(of_what).decode("utf-8", "backslashreplace")
    return f"{told} ({shown})"
