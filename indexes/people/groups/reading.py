"""The faces of a collection as arrays: whose they are now, and what they look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.indexes.catalog.database import pragma, writing
from retrieve.indexes.opened import Opened
from retrieve.indexes.people.groups.attaching import NOBODY
from retrieve.indexes.people.groups.links import Rows
from retrieve.types import Embeddings

BLOCK_ROWS = 1 << 14  # read at a time: 8 MB
TRIES = 2  # beside others who write, before they have to wait
LIVING = "JOIN contents ON contents.id = content_id WHERE contents.live AND NOT not_a_face"
# Of a row of suggestions: both are in one photo, and two faces of one photo are two people.
SEEN_TOGETHER = (
    "EXISTS (SELECT 1 FROM faces AS mine JOIN faces AS theirs USING (content_id) "
    "WHERE mine.person_id = suggestions.person_id AND theirs.person_id = suggestions.other_id)"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """N living faces, by their ids.

    ids      (N,) int64, ascending
    rows     (N,) int64 of the vector file
    photos   (N,) int64, ids of contents
    quality  (N,) float32
    persons  (N,) int64, whose each is now; NOBODY where that is not known
    said     (N,) whether a person said so
    """

    ids: Rows
    rows: Rows
    photos: Rows
    quality: NDArray[np.float32]
    persons: Rows
    said: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, which: NDArray[np.bool_]) -> Stored:
        """Some of them."""
        return Stored(
            self.ids[which],
            self.rows[which],
            self.photos[which],
            self.quality[which],
            self.persons[which],
            self.said[which],
        )


def stored(db: Database, after: int = 0) -> Stored:
    """The living faces with a greater id than that."""
    found = db.execute(
        f"SELECT faces.id, row, content_id, quality, coalesce(person_id, {NOBODY}), "
        f"coalesce(by = 'human', 0) FROM faces {LIVING} AND faces.id > ? ORDER BY faces.id",
        [after],
    )
    columns = np.array(found.fetchall(), np.float64).reshape(-1, 6)  # exact up to 2^53
    ids, rows, photos, persons = (columns[:, i].astype(np.int64) for i in (0, 1, 2, 4))
    quality, said = columns[:, 3].astype(np.float32), columns[:, 5].astype(np.bool_)
    return Stored(ids, rows, photos, quality, persons, said)


def embeddings_of(opened: Opened, faces: Stored) -> tuple[Stored, Embeddings]:
    """The faces whose embeddings are what was written, and (N, D) these; a block at a time."""
    space = opened.space()
    gallery = opened.faces.gallery()
    found = np.empty((len(faces), space.dim), np.float32)
    whole = np.empty(len(faces), np.bool_)
    for start in range(0, len(faces), BLOCK_ROWS):
        rows = faces.rows[start : start + BLOCK_ROWS]
        found[start : start + len(rows)] = gallery[rows]
        whole[start : start + len(rows)] = opened.engine.sound(rows)
    if whole.all():
        return faces, found
    return faces.only(whole), found[whole]


def alone_or_again(opened: Opened, compute: Callable[[], T], write: Callable[[T], None]) -> T:
    """What was computed of one view of the collection, and written where that still holds.

    Where another process has written meanwhile it is computed again, and at last while others wait.
    """
    db = opened.db
    for _ in range(TRIES):
        version = 0

        def look() -> T:
            nonlocal version
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # here the view begins
            version = pragma(db, "data_version")
            return compute()

        found = opened.consistently(look)
        with writing(db):
            if pragma(db, "data_version") == version:
                write(found)
                return found
    with writing(db):
        found = compute()
        write(found)
        return found
