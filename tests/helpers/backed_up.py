"""A small collection to be backed up, and what is in one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pretend
import small
from numpy.testing import assert_array_equal

from retrieve.indexes.collection import open_collection

WORDS = [f"word{i}" for i in range(40)]


def make(folder: Path) -> Path:
    """Two faces a photo, and one whose path is not UTF-8."""
    with small.opened(folder) as opened:
        for i in range(0, len(WORDS), 2):
            small.add(opened, f"/album/{i:02}.jpg", " ".join(WORDS[i : i + 2]))
        small.add(opened, os.fsdecode(b"/album/ni\xf1o.jpg"), "last")
    return folder


def content(folder: Path) -> Any:
    """Every row of every table but the index files', and the vectors by item."""
    with open_collection(folder) as opened:
        tables = [
            name
            for (name,) in opened.db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'caches'"
            )
        ]
        rows = {
            name: sorted(map(repr, opened.db.execute(f"SELECT * FROM {name}"))) for name in tables
        }
        return rows, opened.faces.gallery().tobytes(), opened.faces.damaged()


def words_of(folder: Path) -> list[str]:
    """The words of the stored faces, after comparing each with its vector."""
    with open_collection(folder) as opened:
        gallery = opened.faces.gallery()
        found = []
        for face_id, row in opened.db.execute("SELECT id, row FROM faces"):
            word = small.word(opened.catalog.crop(face_id))
            assert_array_equal(gallery[row], pretend.embedding(word)[0])
            found.append(word)
        assert opened.faces.damaged() == []
        return sorted(found)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
