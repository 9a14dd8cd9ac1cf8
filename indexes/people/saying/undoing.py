"""What was said is taken back."""

from __future__ import annotations

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.people import log
from retrieve.indexes.people.log import By, Statement
from retrieve.indexes.people.replay import Held, replay
from retrieve.indexes.people.saying.connected import Lines
from retrieve.indexes.people.saying.holding import about, apply, scope_of
from retrieve.indexes.people.saying.moving import moves, places_of


def undo(db: Database, id: int | None = None) -> Statement:
    """Take back what was said: the line with that id, or the last one that was not taken back.

    Faces that it moved go where they were, unless something said later or computed since put
    them elsewhere. A line that took another one back can be taken back itself.

    returns  the line that was taken back
    raises   BadInput if there is no such line, or it was taken back already
    """
    every = Lines(db)
    taken_back = every.taken_back()
    if id is None:
        line = every.last(without=taken_back)
        if line is None:
            raise BadInput("there is nothing to take back: nothing was said that still counts")
    else:
        line = every.one(id)
        if line is None:
            raise BadInput(f"nothing was said with the number {id}; see: retrieve history")
        if id in taken_back:
            raise BadInput(
                f"{id} was taken back already; to let it hold again: retrieve undo {taken_back[id]}"
            )
    told = [line]  # the line, the one that it had taken back, and so on
    while told[-1].undoes is not None and (one := every.one(told[-1].undoes)) is not None:
        told.append(one)
    part = about(every, told)
    back = _restore(db, line, replay(db, part))
    part += log.lines(db, after=back - 1)
    apply(db, replay(db, part), scope_of(db, part, told))
    return line


def _restore(db: Database, line: Statement, held: Held) -> int:
    """Add the line that takes one back, and put faces where they were before it; returns its id."""
    there = {id for (id,) in db.execute("SELECT id FROM persons")}
    back: dict[int, tuple[int | None, By]] = {}
    for whose, by, now, faces in line.moved:
        came = whose if whose is None or whose in there else _came_back(held, line, whose)
        for face, (is_now, _) in places_of(db, faces).items():
            if is_now == now:
                back[face] = came, by
    for came in sorted({whose for whose, _ in back.values() if whose is not None} - there):
        add_person(db, id=came)
    moved = moves(db, {face: whose for face, (whose, _) in back.items()})
    db.conn.executemany(
        "UPDATE faces SET person_id = ?, by = ? WHERE id = ?",
        [[whose, by, face] for face, (whose, by) in back.items()],
    )
    return log.add(db, "undo", undoes=line.id, moved=moved)


def _came_back(held: Held, line: Statement, person_id: int) -> int:
    """Who a person is who is not there: whom others made of them since this line was said."""
    if held.joined.get(person_id) == line.person_id and line.other_id == person_id:
        return person_id
    return held.become(person_id, since=line.id)
