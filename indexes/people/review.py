"""What is worth asking: pairs of persons that may be one, what one answer settles most first.

Groupings leave such pairs in the table suggestions. Answers are statements like any other
(statements.py), so a review that was broken off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Collection as Those
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import among
from retrieve.indexes.opened import Opened
from retrieve.indexes.people import statements
from retrieve.indexes.people.groups.links import Rows
from retrieve.indexes.people.groups.reading import LIVING, SEEN_TOGETHER
from retrieve.indexes.people.statements import Said
from retrieve.types import Embeddings

COMPARED = 200  # faces of a person, for the two that are shown

Pair = tuple[int, int]
Named = tuple[str | None, bool]  # a name, and whether nobody is to ask


@dataclass(frozen=True, slots=True)
class Side:
    """One of two persons, and the face of theirs that is nearest to the other.

    faces     how many of theirs are stored
    number    of the face in its photo, 1 for the first
    taken_at  ISO 8601, or None
    """

    person_id: int
    person: str | None
    faces: int
    face_id: int
    path: Path
    number: int
    taken_at: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """Whether two persons are one.

    score        of all pairs of their faces on average
    probability  that they are one, where beforehand either may as well be anybody else of the
                 collection: among many people somebody always looks alike; None if nobody measured
                 what scores mean
    settles      faces that have another person, or a name, after a yes
    """

    one: Side
    other: Side
    score: float
    probability: float | None
    settles: int

    @property
    def pair(self) -> Pair:
        return self.one.person_id, self.other.person_id


def questions(opened: Opened, *, most: int, skipped: Those[Pair] = ()) -> list[Question]:
    """At most so many questions, the one that settles most faces first.

    skipped  pairs that are not to be asked now
    raises   CollectionError if they are not what was written
    """
    told = opened.calibration() if opened.faces.space() is not None else None
    (persons,) = opened.db.execute("SELECT count(*) FROM persons").fetchone()
    asked: list[Question] = []
    for settles, score, one, other in _pairs(opened.db):
        if (one, other) in skipped:
            continue
        if len(asked) == most:
            break
        sides = _sides(opened, one, other)
        if sides is None:
            continue  # nothing of one of them is whole
        probability = None if told is None else chance_among(told.probability(score), persons)
        asked.append(Question(*sides, score, probability, settles))
    return asked


def doubted(opened: Opened, person_id: int, *, most: int) -> list[tuple[int, float]]:
    """The faces of a person that are least like the others of theirs, the least first.

    returns  ids of faces, each with its score: the cosine of its embedding and the mean of all
             others; [] for somebody with fewer than two faces
    raises   CollectionError if they are not what was written
    """
    return least_alike(*faces_of(opened, person_id), most=most)


def faces_of(opened: Opened, person_id: int) -> tuple[NDArray[np.int64], Embeddings]:
    """A person's living faces that are what was written: (N,) ids, and (N, D) embeddings."""
    found = opened.db.execute(
        f"SELECT faces.id, row FROM faces {LIVING} AND person_id = ?", [person_id]
    ).fetchall()
    rows = np.array([row for _, row in found], np.int64)
    ids = np.array([id for id, _ in found], np.int64)
    if not len(rows):
        return ids, np.empty((0, 0), np.float32)
    sound = opened.engine.sound(rows)
    return ids[sound], opened.engine.embeddings(rows[sound])


def least_alike(
    ids: NDArray[np.int64], embeddings: Embeddings, *, most: int
) -> list[tuple[int, float]]:
    """doubted(), of the faces of somebody: (N,) ids, and (N, D) embeddings."""
    if len(ids) < 2:
        return []
    mine = np.asarray(embeddings, np.float64)
    others = mine.sum(axis=0) - mine
    lengths = np.maximum(np.linalg.norm(others, axis=1), np.finfo(np.float64).tiny)
    scores = np.einsum("ij,ij->i", mine, others) / lengths
    first = np.lexsort((ids, scores))[:most]
    return [(int(ids[i]), float(scores[i])) for i in first]


def same(db: Database, question: Question, name: str | None = None) -> Said:
    """Say yes; inside a write transaction. What else was to be asked of the two stays a question.

    name  and that they are called so
    """
    others = db.execute(
        "SELECT iif(person_id IN (?1, ?2), other_id, person_id), score FROM suggestions "
        "WHERE person_id IN (?1, ?2) OR other_id IN (?1, ?2)",
        question.pair,
    ).fetchall()
    said = statements.say_same(db, *question.pair)
    lines = said.lines
    if name is not None and said.person_id is not None:
        said = statements.rename(db, said.person_id, name)
        lines += said.lines
    here = said.person_id
    there = {id for (id,) in db.execute("SELECT id FROM persons")}
    db.conn.executemany(
        "INSERT OR IGNORE INTO suggestions (person_id, other_id, score) VALUES (?, ?, ?)",
        [(*sorted((here, id)), score) for id, score in others if id in there and id != here],
    )
    return Said(lines, here, said.name, said.faces, said.along, said.notes)


def not_same(db: Database, question: Question) -> Said:
    """Say no; inside a write transaction."""
    return statements.say_not_same(db, *question.pair)


def ignore(db: Database, question: Question) -> Said:
    """Say that nobody is to be asked about those of the two who have no name, or about both."""
    sides = (question.one, question.other)
    nameless = [side.person_id for side in sides if side.person is None]
    return statements.say_ignore(db, person_ids=nameless or list(question.pair))


def take_back(db: Database, question: Question, said: Said) -> None:
    """Take an answer back, so that the question is asked again; inside a write transaction."""
    for line in reversed(said.lines):
        statements.undo(db, line)
    db.execute(
        "INSERT INTO suggestions (person_id, other_id, score) SELECT ?1, ?2, ?3 "
        "WHERE (SELECT count(*) FROM persons WHERE id IN (?1, ?2)) = 2 "
        "ON CONFLICT DO UPDATE SET score = excluded.score",
        [*sorted(question.pair), question.score],
    )


def chance_among(probability: float, persons: int) -> float:
    """A probability at even odds as that among so many persons, of whom one may be meant."""
    others = max(persons - 1, 1)
    return probability / (probability + (1 - probability) * others)


def _pairs(db: Database) -> list[tuple[int, float, int, int]]:
    """How many faces it settles, score and persons of each question, in their order.

    Two with names are two, who is one person by two names is said by: retrieve merge. Two who are
    both in one photo are two people, as indexing has it. Of neither it is asked.
    """
    faces = dict(
        db.execute(
            f"SELECT person_id, count(*) FROM faces {LIVING} AND person_id IS NOT NULL "
            "GROUP BY person_id"
        ).fetchall()
    )
    sums.check_table(db, "suggestions")
    found = db.execute(
        f"SELECT person_id, other_id, score FROM suggestions WHERE NOT {SEEN_TOGETHER}"
    ).fetchall()
    named = among(
        db,
        "SELECT id, name, ignored FROM persons WHERE id",
        {id for one, other, _ in found for id in (one, other)},
    )
    return in_order(found, faces, {id: (name, bool(ignored)) for id, name, ignored in named})


def in_order(
    suggested: Iterable[tuple[int, int, float]],
    faces: Mapping[int, int],
    named: Mapping[int, Named],
) -> list[tuple[int, float, int, int]]:
    """How many faces each question settles, score and persons, what settles most first; those
    that are not asked are left out.

    faces  how many living ones of each person there are
    named  who there is
    """
    found = []
    for one, other, score in suggested:
        if not (one in named and other in named):
            continue
        (first, ignored), (second, ignored_too) = named[one], named[other]
        if ignored or ignored_too or (first is not None and second is not None):
            continue
        names = first, second
        sizes = faces.get(one, 0), faces.get(other, 0)
        nameless = [n for n, name in zip(sizes, names, strict=True) if name is None]
        # With one name a yes names the other one; with none or two the smaller joins.
        settles = nameless[0] if len(nameless) == 1 else min(sizes)
        if min(sizes):
            found.append((settles, float(score), one, other))
    return sorted(found, key=lambda one: (-one[0], -one[1], one[2:]))


def _sides(opened: Opened, one: int, other: int) -> tuple[Side, Side] | None:
    rows = [best_rows(opened, person) for person in (one, other)]
    if not all(map(len, rows)):
        return None
    mine, theirs = (opened.engine.embeddings(some) for some in rows)
    at = np.unravel_index(int(np.argmax(mine @ theirs.T)), (len(mine), len(theirs)))
    nearest = [int(some[i]) for some, i in zip(rows, at, strict=True)]
    first, second = (
        _side(opened, person, row) for person, row in zip((one, other), nearest, strict=True)
    )
    return first, second


def _side(opened: Opened, person: int, row: int) -> Side:
    (faces,) = opened.db.execute(
        f"SELECT count(*) FROM faces {LIVING} AND person_id = ?", [person]
    ).fetchone()
    return side_at(opened, person, row, faces=faces)


def side_at(opened: Opened, person: int, row: int, *, faces: int, id: int | None = None) -> Side:
    """Somebody, shown by the face in a row.

    faces  of theirs in all
    id     of the face, where it has another one than here
    """
    face = opened.catalog.faces_at([row])[row]
    shown = face.id if id is None else id
    return Side(person, face.person, faces, shown, face.path, face.number, face.taken_at)


def best_rows(opened: Opened, person: int) -> Rows:
    """Rows of a person's best faces that are what was written."""
    found = opened.db.execute(
        f"SELECT row FROM faces {LIVING} AND person_id = ? ORDER BY quality DESC, faces.id LIMIT ?",
        [person, COMPARED],
    ).fetchall()
    rows = np.array([row for (row,) in found], np.int64)
    return rows[opened.engine.sound(rows)] if len(rows) else rows
