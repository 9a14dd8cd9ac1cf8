"""The log of what people said: lines that are only added, and which of them still count.

A line that takes another one back is a line too, and can be taken back itself. Only forgetting
rewrites the log (forgetting.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.sums import check_table
from retrieve.indexes.people import refs
from retrieve.indexes.people.refs import FaceRef

Kind = Literal["name", "whose", "same", "not-same", "split", "not-a-face", "ignore", "undo"]
Source = Literal["human", "region"]
KINDS: tuple[Kind, ...] = (
    "name", "whose", "same", "not-same", "split", "not-a-face", "ignore", "undo",
)  # fmt: skip
SOURCES: tuple[Source, ...] = ("human", "region")

COLUMNS = (
    "id", "said_at", "kind", "person_id", "other_id", "name", "faces", "others", "undoes", "source",
    "moved",
)  # fmt: skip

By = str | None
Move = tuple[int | None, By, int | None, tuple[int, ...]]  # from a person, by, to a person, faces


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of the log.

    said_at    ISO 8601, UTC
    kind       what it says: `faces` are person_id and that one is called `name` (name); they are
               person_id (whose); in both other_id joins them if there is one, but where there are
               `others` it is who the faces were taken from; other_id is person_id (same), or is
               not (not-same); they are other_id and not person_id (split); they are none
               (not-a-face); nobody asks about person_id (ignore); `undoes` was said in error
    faces      by which that holds when everything is computed anew: of person_id, but of other_id
               where a split says so
    others     likewise of the other one
    source     who says it: human, or region: a file that another program wrote
    moved      faces by where they were: for taking it back
    """

    id: int
    said_at: str
    kind: Kind
    person_id: int | None = None
    other_id: int | None = None
    name: str | None = None
    faces: tuple[FaceRef, ...] = ()
    others: tuple[FaceRef, ...] = ()
    undoes: int | None = None
    source: Source = "human"
    moved: tuple[Move, ...] = ()


def lines(db: Database, *, after: int = 0) -> list[Statement]:
    """Everything that was said, the oldest first.

    after   only what was said after that line
    raises  CollectionError if a line is not what was written
    """
    if not after:
        check_table(db, "statements")
    found = db.execute(
        f"SELECT {', '.join(COLUMNS)} FROM statements WHERE id > ? ORDER BY id", [after]
    )
    return [read_line(row) for row in found.fetchall()]


def read_line(row: Sequence[Any]) -> Statement:
    """The line whose COLUMNS these are; raises CollectionError if it is not what was written."""
    id, said_at, kind, person_id, other_id, name, faces, others, undoes, source, moved = row
    return Statement(
        id, said_at, kind, person_id, other_id, name, refs.read(faces), refs.read(others),
        undoes, source, read_moves(moved),
    )  # fmt: skip


class Line(Protocol):
    """What tells which lines count."""

    @property
    def id(self) -> int: ...
    @property
    def undoes(self) -> int | None: ...


def active(every: Sequence[Line]) -> set[int]:
    """The ids of the lines that count: that no line which counts takes back."""
    counting: set[int] = set()
    undone: set[int] = set()
    for line in reversed(every):  # a line is taken back by later ones only
        if line.id in undone:
            continue
        counting.add(line.id)
        if line.undoes is not None:
            undone.add(line.undoes)
    return counting


def add(
    db: Database,
    kind: Kind,
    *,
    person_id: int | None = None,
    other_id: int | None = None,
    name: str | None = None,
    faces: Iterable[FaceRef] = (),
    others: Iterable[FaceRef] = (),
    undoes: int | None = None,
    source: Source = "human",
    moved: Iterable[Move] = (),
) -> int:
    """Add a line; returns its id. Call inside a write transaction."""
    said_at = datetime.now(UTC).isoformat(timespec="seconds")
    values = [said_at, kind, person_id, other_id, name, refs.written(faces), refs.written(others)]
    cursor = db.execute(
        "INSERT INTO statements (said_at, kind, person_id, other_id, name, faces, others, undoes, "
        "source, moved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [*values, undoes, source, write_moves(moved)],
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def write_moves(moves: Iterable[Move]) -> str:
    """Moves as a line holds them."""
    return json.dumps([list(move) for move in moves], separators=(",", ":"))


def read_moves(text: str) -> tuple[Move, ...]:
    """The moves of a line; raises CollectionError if that is damaged."""
    try:
        return tuple((one, by, other, tuple(ids)) for one, by, other, ids in json.loads(text))
    except (ValueError, TypeError) as error:
        raise CollectionError(
            "the catalog is damaged: a statement does not say what it moved. What is damaged is "
            "told by: retrieve check"
        ) from error
