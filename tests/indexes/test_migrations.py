"""The schema of format 1."""

from __future__ import annotations

import sqlite3

import pytest
from sqlite_utils import Database

from indexes.migrations import FORMAT, MIGRATIONS


def test_the_format_is_the_number_of_migrations_and_a_path_is_photo_or_reason():
    db = Database(memory=True)
    for migrate in MIGRATIONS:
        migrate(db)
    assert len(MIGRATIONS) == FORMAT
    assert set(db.table_names()) == {"spaces", "photos", "paths", "faces", "crops"}
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        db.execute(
            "INSERT INTO paths (path, size_bytes, mtime_ns, ctime_ns) VALUES ('a.jpg', 1, 1, 1)"
        )
