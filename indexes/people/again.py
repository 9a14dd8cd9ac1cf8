"""The log and what holds, where one of them was damaged: each is made again by the other.

Whose a face is stands twice, in its row and in the log. A line that was damaged beyond mending is
gone; what it said is seen by what holds, and is said again.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database

from retrieve.indexes.catalog import sums
from retrieve.indexes.people import log
from retrieve.indexes.people.refs import refs_of
from retrieve.indexes.people.replay import Held, replay


def disagreeing(db: Database, held: Held | None = None) -> list[int]:
    """The faces of which the log says something else than holds."""
    if held is None:
        held = replay(db)
    found = []
    pinned, marked = set(), set()
    for id, whose, by, not_a_face in db.execute(
        "SELECT id, person_id, by, not_a_face FROM faces WHERE by = 'human' OR not_a_face"
    ).fetchall():
        if by == "human":
            pinned.add(id)
        if not_a_face:
            marked.add(id)
        if (by == "human" and held.whose.get(id) != whose) or (
            not_a_face and id not in held.not_faces
        ):
            found.append(id)
    found += [face for face in held.whose if face > 0 and face not in pinned]
    found += [face for face in held.not_faces if face > 0 and face not in marked]
    return sorted(set(found))


def say_again(db: Database, lost: Iterable[int]) -> None:
    """Take damaged lines out of the log, and let it say what holds; inside a write transaction.

    lost  ids of lines that cannot be read. What another line took back with one of them is taken
          back anew, and what they said of faces and persons that are whole is said anew
    """
    db.conn.executemany("DELETE FROM statements WHERE id = ?", [[id] for id in lost])
    hurt = set(sums.damaged(db, "faces"))
    while True:  # each round takes a line back, and there are only so many
        held = replay(db)
        wrong = [face for face in disagreeing(db, held) if face not in hurt]
        lines = {
            line.id
            for face in wrong
            if (line := held.said.get(face) or held.not_faces.get(face)) is not None
        }
        if not lines:
            break
        for id in sorted(lines):
            log.add(db, "undo", undoes=id)
    named = dict(db.execute("SELECT id, name FROM persons").fetchall())
    by_person: dict[int, list[int]] = {}
    none: list[int] = []
    for face in wrong:
        query = "SELECT person_id, not_a_face FROM faces WHERE id = ?"
        whose, not_a_face = db.execute(query, [face]).fetchone()
        if not_a_face:
            none.append(face)
        elif whose is not None:
            by_person.setdefault(whose, []).append(face)
    refs = refs_of(db, wrong)
    for whose, faces in sorted(by_person.items()):
        log.add(db, "whose", person_id=whose, faces=[refs[face] for face in faces])
    if none:
        log.add(db, "not-a-face", faces=[refs[face] for face in none])
    held = replay(db)
    broken = set(sums.damaged(db, "persons"))
    for id, ignored in db.execute("SELECT id, ignored FROM persons ORDER BY id").fetchall():
        faces = sorted(face for face in held.of(id) if face > 0)[:1]
        if id in broken or not faces:
            continue
        anchor = [refs_of(db, faces)[faces[0]]]
        if held.names.get(id) != named[id]:
            log.add(db, "name", person_id=id, name=named[id], faces=anchor)
        if ignored and id not in held.ignored:
            log.add(db, "ignore", person_id=id, faces=anchor)
