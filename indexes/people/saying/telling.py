"""What became of something that was said, and what it contradicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.people import log, wording
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.replay import go_on, replay
from retrieve.indexes.people.saying.connected import Lines
from retrieve.indexes.people.saying.holding import about, apply, scope_of
from retrieve.indexes.people.saying.moving import faces_of


@dataclass(frozen=True, slots=True)
class Said:
    """What became of something that was said.

    lines      ids of the lines in the log: what undo() takes
    person_id  of whom it is now; None where nobody is left of whom it was
    name       theirs, or None
    faces      how many of theirs are stored now
    along      how many came with those that were named, because they were thought to be of the
               same person
    notes      lines for a person: what was said before that does not hold any more, and what
               does; photos that show somebody twice now
    """

    lines: tuple[int, ...]
    person_id: int | None
    name: str | None
    faces: int
    along: int = 0
    notes: tuple[str, ...] = ()


def tell(db: Database, ids: Sequence[int], person_id: int | None, along: int = 0) -> Said:
    """Let it hold, and tell what became of it.

    ids  of the lines that were added, one behind the other
    """
    notes: list[str] = []
    new = log.lines(db, after=min(ids) - 1) if ids else []
    if new:
        part = about(Lines(db), new)
        held = replay(db, [line for line in part if line.id < new[0].id])
        held_before = [line for line in held.every if held.holds(line)]
        go_on(db, held, new)
        apply(db, held, scope_of(db, part, new))
        notes = [
            f"{line.id} said that {wording.said(db, line)}; that does not hold any more: "
            f"{wording.said(db, new[-1])}"
            for line in held_before
            if not held.holds(line)
        ]
    row = db.execute("SELECT name FROM persons WHERE id = ?", [person_id]).fetchone()
    if person_id is None or row is None:
        return Said(tuple(ids), None, None, 0, along, tuple(notes))
    notes += _shown_twice(db, person_id, new)
    faces = len(faces_of(db, person_id))
    return Said(tuple(ids), person_id, row[0], faces, along, tuple(notes))


def _shown_twice(db: Database, person_id: int, new: Sequence[Statement]) -> list[str]:
    """Photos that show a person twice since some lines were said."""
    moved = {face for line in new for *_, faces in line.moved for face in faces}
    contents = [id for (id,) in among(db, "SELECT content_id FROM faces WHERE id", moved)]
    numbers: dict[int, list[int]] = {}
    for content_id, number in among(
        db,
        f"SELECT content_id, number FROM faces WHERE person_id = {int(person_id)} AND content_id",
        contents,
    ):
        numbers.setdefault(content_id, []).append(number)
    who = persons.person(db, person_id).shown
    return [
        f"{path_of(path).name} shows {who} more than once now: faces "
        f"{', '.join(map(str, sorted(numbers[content_id])))}"
        for content_id, path in among(
            db,
            "SELECT id, (SELECT path FROM paths WHERE content_id = contents.id ORDER BY gone, id "
            "LIMIT 1) FROM contents WHERE id",
            [content_id for content_id, some in numbers.items() if len(some) > 1],
        )
        if path is not None
    ]
