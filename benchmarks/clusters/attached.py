"""What it takes to attach a new photo's face to a large collection that is grouped already."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clusters.made import album
from benchmarks.strangers import Moments
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.people.groups import settling
from retrieve.types import Embeddings

BLOCK_ROWS = 1 << 16
NEW = 25  # photos, one after the other


def table(moments: Moments, hardness: float, faces: int) -> None:
    """Prints CPU ms to attach one new photo of one face, and how many were attached rightly."""
    rows, who = album(moments, hardness, faces + NEW)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_collection(Path(folder) / "made", create=True) as collection,
    ):
        collection.begin()
        before = time.process_time()
        fill(collection, rows[:faces], who[:faces], known=True)
        collection.engine.build()
        print(f"{faces:,} faces stored in {time.process_time() - before:.0f} CPU s", flush=True)
        known = set(who[:faces].tolist())
        took, right, wrong = [], 0, 0
        for i in range(faces, faces + NEW):
            fill(collection, rows[i : i + 1], who[i : i + 1], known=False)
            before = time.process_time()
            settled = settling.settle_new(collection.opened)
            took.append((time.process_time() - before) * 1e3)
            assert settled.faces == 1
            (person, by) = collection.db.execute(
                "SELECT person_id, by FROM faces ORDER BY id DESC LIMIT 1"
            ).fetchone()
            right += by == "attached" and person == int(who[i]) + 1
            wrong += by == "attached" and person != int(who[i]) + 1
        there = sum(int(one) in known for one in who[faces:])
    ms = np.sort(took[1:])  # the first maps files and reads the index
    print(
        f"one new photo: {np.median(ms):.1f} CPU ms in the middle, {ms[-1]:.1f} at most, the "
        f"first {took[0]:.0f}; of {there} whose person was there {right} attached to them, {wrong} "
        "to others",
        flush=True,
    )


def fill(collection: Collection, rows: Embeddings, who: NDArray[np.int64], *, known: bool) -> None:
    """Store a photo of one face for each row, in the way that costs least.

    known  whether they were grouped, as the people that they are
    """
    (first,) = collection.db.execute("SELECT coalesce(max(id), 0) FROM contents").fetchone()
    blank = np.zeros(10, "<f4").tobytes()
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        numbers = range(first + start + 1, first + start + 1 + len(block))
        with writing(collection.db):
            row = collection.faces.append(block)
            people = (who[start : start + len(block)] + 1).tolist()
            conn = collection.db.conn
            conn.executemany(
                "INSERT INTO contents (id, sha256, size_bytes, kind, title, warnings, placed) "
                "VALUES (?, ?, ?, 'photo', '', '[]', 1)",
                ((n, f"{n:064x}", n) for n in numbers),
            )
            if known:
                conn.executemany(
                    "INSERT OR IGNORE INTO persons (id) VALUES (?)", ((n,) for n in set(people))
                )
            conn.executemany(
                "INSERT INTO faces (row, content_id, number, x1, y1, x2, y2, landmarks, score, "
                "quality, person_id, by) VALUES (?, ?, 1, 1, 1, 9, 9, ?, .9, .9, ?, ?)",
                (
                    (row + i, n, blank, person if known else None, "group" if known else None)
                    for i, (n, person) in enumerate(zip(numbers, people, strict=True))
                ),
            )
