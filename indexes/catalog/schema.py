"""What tables, indexes, triggers and views a catalog has, beside those that our migrations make."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from retrieve.indexes.catalog.migrations import FORMAT, MIGRATIONS
from retrieve.indexes.catalog.sums import teach

Schema = dict[tuple[str, str], tuple[str, ...]]  # (type, name) → the words of its definition

# Statistics that a user of the sqlite3 program may have had made: they hold no content.
STATISTICS = re.compile(r"sqlite_stat[134]")
OF_SQLITE = ("stems_", "sqlite_")  # begin names of what FTS5 and SQLite made, each as it likes
# Strings stay as they are; quotes around names, comments and blanks say nothing.
TOKENS = re.compile(
    r"""(?P<string>'(?:[^']|'')*') | "(?P<quoted>[^"]*)" | `(?P<ticked>[^`]*)` |
    \[(?P<bracketed>[^\]]*)\] | (?P<comment>--[^\n]*|/\*.*?(?:\*/|$)) | (?P<word>\w+) |
    (?P<other>\S)""",
    re.VERBOSE | re.DOTALL,
)


@cache
def expected(version: int) -> Schema:
    """The schema of a format, as its migrations make it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        teach(conn)
        db = Database(conn, execute_plugins=False)
        for step in MIGRATIONS[:version]:
            step(db, Path())
        return schema_of(db)


def schema_of(db: Database) -> Schema:
    """The schema that a catalog has."""
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {
        (str(kind), str(name)): (str(table), *_words(sql))
        for kind, name, table, sql in rows
        if not STATISTICS.fullmatch(str(table))
    }


def altered(db: Database) -> list[str]:
    """Names of what is not as it was made: missing, of another text, or a view or trigger more.

    Other tables harm nobody: a space may have items of its own.
    """
    wanted, held = expected(FORMAT), schema_of(db)
    more = {name for kind, name in held.keys() - wanted if kind in ("view", "trigger")}
    other = {
        name
        for (kind, name), text in wanted.items()
        if not name.startswith(OF_SQLITE) and held.get((kind, name)) != text
    }
    return sorted(more | other)


@cache
def _words(sql: object) -> tuple[str, ...]:
    words = []
    for match in TOKENS.finditer(sql if isinstance(sql, str) else ""):
        if match["string"] is not None:
            words.append(match["string"])
        elif match["comment"] is None:
            words.append(next(group for group in match.groups() if group is not None).lower())
    return tuple(words)
