"""Which photos were looked at as a whole, and the classes of things that each of them shows.

Labels are built on this. For every photo that a picture embedder has looked at there is one row in
`pictures`, and in `classes` one for each class of .01 and more, the likeliest first:

    shown = Shown(db)
    shown.of([content_id])           # {content_id: (Class(207, .81), Class(208, .07), …)}
    shown.holding([151, 152, 153])   # {content_id: the sum of these classes' probabilities}

A class is a number from 0 on, that of its synset in retrieve.pictures.embedding.classes. `of` gives
what is shown to people and looks at the checksums of the rows; `holding` ranks all photos, from
the index of classes, and whoever shows some of them asks `of` about these. Rows go and come with
their photo: deletion, repair and vetting know them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from sqlite_utils import Database

from retrieve.indexes.catalog.checked import Joined
from retrieve.indexes.catalog.contents import Columns
from retrieve.indexes.catalog.database import VARIABLES, among
from retrieve.indexes.catalog.sums import Row
from retrieve.pictures.embedding.shown import Class


class Shown:
    """What a catalog knows of whole photos; not for use by several threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, first_row: int, looked: Iterable[tuple[int, Sequence[Class]]]) -> None:
        """Store contents, whose embeddings lie from a row on, with their classes; inside a
        transaction.
        """
        for row, (content_id, classes) in enumerate(looked, first_row):
            query = "INSERT INTO pictures (row, content_id) VALUES (?, ?)"
            self._db.execute(query, [row, content_id])
            self._db.conn.executemany(
                "INSERT INTO classes (content_id, number, class, probability) VALUES (?, ?, ?, ?)",
                [list(columns.values()) for columns in class_columns(content_id, classes)],
            )

    def remove(self, content_ids: Iterable[int]) -> None:
        """Take the rows of contents out; inside a transaction."""
        ids = [[id] for id in content_ids]
        for table in ("classes", "pictures"):
            self._db.conn.executemany(f"DELETE FROM {table} WHERE content_id = ?", ids)

    def holds(self, content_id: int) -> bool:
        """Whether a content was looked at."""
        query = "SELECT 1 FROM pictures WHERE content_id = ?"
        return self._db.execute(query, [content_id]).fetchone() is not None

    def row_of(self, content_id: int) -> int | None:
        """Where the embedding of a content lies; None if nobody looked at it."""
        query = "SELECT row FROM pictures WHERE content_id = ?"
        found = self._db.execute(query, [content_id]).fetchone()
        return None if found is None else found[0]

    def missing(self) -> list[int]:
        """Photos that were not looked at, by their ids."""
        query = (
            "SELECT id FROM contents WHERE kind = 'photo' "
            "AND id NOT IN (SELECT content_id FROM pictures) ORDER BY id"
        )
        return [id for (id,) in self._db.execute(query)]

    def of(self, content_ids: Iterable[int]) -> dict[int, tuple[Class, ...]]:
        """The classes of some contents, the likeliest first; () of one of which none is likely,
        and of one that nobody looked at.

        raises  CollectionError if a row is not what was written
        """
        joined, picked = self._joined
        wanted = list(content_ids)
        rows = sorted(map(picked, joined.where("classes.content_id", wanted)))
        found: dict[int, list[Class]] = {id: [] for id in wanted}
        for content_id, _, number, probability in rows:
            found[content_id].append(Class(number, probability))
        return {id: tuple(classes) for id, classes in found.items()}

    def holding(self, classes: Iterable[int]) -> dict[int, float]:
        """The contents that show any of some classes, with the sum of their probabilities."""
        wanted, found = list(dict.fromkeys(classes)), dict[int, float]()
        for start in range(0, len(wanted), VARIABLES):
            part = wanted[start : start + VARIABLES]
            marks = ",".join("?" * len(part))
            query = (
                "SELECT content_id, sum(probability) FROM classes "
                f"WHERE class IN ({marks}) GROUP BY content_id"
            )
            for content_id, total in self._db.execute(query, part):
                found[content_id] = found.get(content_id, 0.0) + total
        return found

    def contents_at(self, rows: Iterable[int]) -> dict[int, int]:
        """The contents whose embeddings lie in some rows, by row."""
        return dict(among(self._db, "SELECT row, content_id FROM pictures WHERE row", rows))

    @cached_property
    def _joined(self) -> tuple[Joined, Callable[[Row], tuple[Any, ...]]]:
        joined = Joined(self._db, "classes")
        columns = ("content_id", "number", "class", "probability")
        return joined, joined.picking(*(f"classes.{name}" for name in columns))


def class_columns(content_id: int, classes: Iterable[Class]) -> list[Columns]:
    """What is stored of a photo's classes."""
    return [
        {
            "content_id": content_id,
            "number": number,
            "class": one.number,
            "probability": one.probability,
        }
        for number, one in enumerate(classes, 1)
    ]
