"""The tables, indexes, triggers and views of a catalog, beside those that our migrations make."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from retrieve.indexes.catalog.database import APPLICATION_ID, pragma
from retrieve.indexes.catalog.migrations import FORMAT, MIGRATIONS
from retrieve.indexes.upkeep.vetting.doubt import Unbelievable, clipped

Schema = dict[tuple[str, str], tuple[str, ...]]  # (type, name) → the words of its definition

# Statistics that a user of the sqlite3 program may have had made: they hold no content.
STATISTICS = re.compile(r"sqlite_stat[134]")
# Strings stay as they are; quotes around names, comments and blanks say nothing.
TOKENS = re.compile(
    r"""(?P<string>'(?:[^']|'')*') | "(?P<quoted>[^"]*)" | `(?P<ticked>[^`]*)` |
    \[(?P<bracketed>[^\]]*)\] | (?P<comment>--[^\n]*|/\*.*?(?:\*/|$)) | (?P<word>\w+) |
    (?P<other>\S)""",
    re.VERBOSE | re.DOTALL,
)


def check_schema(db: Database) -> int:
    """The format of a catalog that has no more and no less than one of that format.

    raises  Unbelievable for any object that is missing, is another one or is not ours
    """
    if pragma(db, "application_id") != APPLICATION_ID:
        raise Unbelievable("its catalog is an SQLite file of another program")
    version = pragma(db, "user_version")
    if not 1 <= version <= FORMAT:
        raise Unbelievable(f"its catalog states the format {version}")
    encoding = db.execute("PRAGMA encoding").fetchone()[0]
    if encoding != "UTF-8":
        raise Unbelievable(f"the texts of its catalog are in {clipped(encoding)}")
    held, wanted = _schema(db), expected(version)
    for kind, name in sorted(held.keys() - wanted.keys()):
        raise Unbelievable(f"its catalog has a {kind} {clipped(name)}, as no collection does")
    for kind, name in sorted(wanted.keys() - held.keys()):
        raise Unbelievable(f"its catalog lacks the {kind} {name}")
    for kind, name in sorted(wanted):
        if held[kind, name] != wanted[kind, name]:
            raise Unbelievable(f"the {kind} {name} of its catalog is not ours")
    return version


@cache
def expected(version: int) -> Schema:
    """The schema of a format, as its migrations make it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        db = Database(conn, execute_plugins=False)
        for step in MIGRATIONS[:version]:
            step(db, Path())
        return _schema(db)


def _schema(db: Database) -> Schema:
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {
        (str(kind), str(name)): (str(table), *_words(sql))
        for kind, name, table, sql in rows
        if not STATISTICS.fullmatch(str(table))
    }


def _words(sql: object) -> list[str]:
    words = []
    for match in TOKENS.finditer(sql if isinstance(sql, str) else ""):
        if match["string"] is not None:
            words.append(match["string"])
        elif match["comment"] is None:
            words.append(next(group for group in match.groups() if group is not None).lower())
    return words
