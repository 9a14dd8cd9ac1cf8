"""What tables, indexes and triggers a catalog has, as SQLite keeps their text."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from sqlite_utils import Database

from retrieve.indexes.catalog.migrations import MIGRATIONS
from retrieve.indexes.catalog.sums import teach

# Versions of SQLite quote and space names differently where they rename a table.
QUOTES_AND_SPACES = re.compile(r"""["'`\[\]\s]""")
OF_FTS5 = "stems_"  # begins the names of tables that FTS5 made, each version as it likes


def new_catalog() -> Database:
    """An empty catalog of the current format, in memory."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    teach(conn)
    db = Database(conn, execute_plugins=False)
    for step in MIGRATIONS:
        step(db, Path())
    return db


def altered(db: Database) -> list[str]:
    """Names of what is not as it was made: missing, of another text, or a view or trigger more.

    Other tables harm nobody: a space may have items of its own.
    """
    wanted, held = _schema(new_catalog()), _schema(db)
    more = {name for name in held.keys() - wanted if held[name][0] in ("view", "trigger")}
    return sorted(more | {name for name, what in wanted.items() if held.get(name) != what})


def _schema(db: Database) -> dict[str, tuple[str, str, str]]:
    """Kind, table and text of everything that a catalog is made of, by name."""
    every = db.execute("SELECT name, type, tbl_name, sql FROM sqlite_master").fetchall()
    return {
        name: (kind, table, QUOTES_AND_SPACES.sub("", sql or "").lower())
        for name, kind, table, sql in every
        if not name.startswith((OF_FTS5, "sqlite_"))
    }
