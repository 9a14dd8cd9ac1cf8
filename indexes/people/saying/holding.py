"""What was said is made to hold: all of it, or what has to do with some lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import among, writing
from retrieve.indexes.catalog.persons import add_person, drop_empty
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.refs import Finder
from retrieve.indexes.people.replay import Held, replay
from retrieve.indexes.people.saying.connected import Lines, persons_of


@dataclass(frozen=True, slots=True)
class Scope:
    """The faces and persons that some lines are about: for all others holds what held before."""

    faces: frozenset[int]
    persons: frozenset[int]


def apply(db: Database, held: Held | None = None, scope: Scope | None = None) -> None:
    """Let what was said hold, whatever was computed or stored since; inside a write transaction.

    To be called when faces were stored (index, import), stored anew (another detector) or grouped.
    What a clustering made of other faces stays; persons of whom no face is left are dropped, and
    what would be asked of two who were said to be two.

    held   what the log says, where that is known
    scope  what can have changed, where that is known, and `held` what is said of that at least
    """
    if held is None:
        held = replay(db)

    def rows(columns: str, table: str, where: str = "TRUE") -> list[tuple[Any, ...]]:
        query = f"SELECT {columns} FROM {table} WHERE {where}"
        if scope is None:
            return db.execute(query).fetchall()
        ids = scope.faces if table == "faces" else scope.persons
        return among(db, f"{query} AND id", ids)

    stored = {face for face in held.not_faces if face > 0}
    marked = dict(rows("id, person_id", "faces", "not_a_face"))
    for face in stored - {face for face, whose in marked.items() if whose is None}:
        db.execute(
            "UPDATE faces SET not_a_face = 1, person_id = NULL, by = NULL WHERE id = ?", [face]
        )
    for face in marked.keys() - stored:
        db.execute("UPDATE faces SET not_a_face = 0 WHERE id = ?", [face])
    pins = {face: whose for face, whose in held.whose.items() if face > 0}
    there = {id for (id,) in rows("id", "persons")}
    for whose in sorted(set(pins.values()) - there):
        add_person(db, id=whose)
    held_now = dict(rows("id, person_id", "faces", "by = 'human'"))
    wrong = [[whose, face] for face, whose in pins.items() if held_now.get(face) != whose]
    db.conn.executemany("UPDATE faces SET person_id = ?, by = 'human' WHERE id = ?", wrong)
    loose = [[face] for face in held_now.keys() - pins.keys()]
    db.conn.executemany("UPDATE faces SET by = 'group' WHERE id = ? AND by = 'human'", loose)
    drop_empty(db)
    for id, name, ignored in rows("id, name, ignored", "persons"):
        wanted = held.names.get(id, name)
        if wanted != name:
            persons.set_name(db, id, wanted)
        if bool(ignored) != (id in held.ignored):
            db.execute("UPDATE persons SET ignored = ? WHERE id = ?", [id in held.ignored, id])
    asked = db.execute("SELECT id, person_id, other_id FROM suggestions").fetchall()
    parted = held.parted() if asked else set()
    known = [[id] for id, one, other in asked if (min(one, other), max(one, other)) in parted]
    db.conn.executemany("DELETE FROM suggestions WHERE id = ?", known)


def settle(db: Database) -> None:
    """apply() in a transaction of its own, where anything was said at all."""
    if db.execute("SELECT 1 FROM statements LIMIT 1").fetchone() is not None:
        with writing(db):
            apply(db)


def about(every: Lines, told: Iterable[Statement]) -> list[Statement]:
    """All lines that have to do with some of them, or with faces that they moved; these too."""
    told = list(told)
    refs = {ref for line in told for ref in (*line.faces, *line.others)}
    refs |= set(every.refs_of(face for line in told for *_, faces in line.moved for face in faces))
    people = {id for line in told for id in persons_of(line)}
    return every.about(refs, people, [line.id for line in told])


def scope_of(db: Database, part: Iterable[Statement], told: Iterable[Statement]) -> Scope:
    """What lines are about, and what some of them moved."""
    refs = [ref for line in part for ref in (*line.faces, *line.others)]
    finder = Finder(db, refs)
    faces = {face for ref in refs if (face := finder.stored(ref)) is not None}
    faces |= {face for line in told for *_, moved in line.moved for face in moved}
    people = {id for line in part for id in (line.person_id, line.other_id) if id is not None}
    people |= {id for line in told for id in persons_of(line)}
    return Scope(frozenset(faces), frozenset(people))
