"""Names that stand in files: they come second to what a person said, and are said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlite_utils import Database

from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.persons import drop_empty
from retrieve.indexes.people.log import Source
from retrieve.indexes.people.refs import refs_of
from retrieve.indexes.people.replay import Held, replay
from retrieve.indexes.people.saying.connected import Lines
from retrieve.indexes.people.saying.moving import assign, places_of
from retrieve.indexes.people.saying.names import all_called, checked


def say_names(db: Database, names: Mapping[str, Sequence[int]], *, source: Source = "human") -> int:
    """Say several names at once, as an import does, without telling what they contradict.

    Of a name that several have it is the first one's.
    source   as of say_name()
    returns  how many faces were named
    raises   BadInput for what is no name or a face that is not stored
    """
    unsaid = Unsaid(db, replay(db)) if source != "human" else None
    count = 0
    for given, several in names.items():
        name = checked(given)
        persons.check_stored(db, several)
        face_ids = several if unsaid is None else unsaid.of(name, several)
        known = all_called(db, name)
        _, target, _ = assign(db, "name", known[0] if known else None, name, face_ids, source)
        if target is None or not face_ids:
            continue
        count += len(face_ids)
        if not known:
            persons.set_name(db, target, name)
        db.execute("UPDATE persons SET ignored = 0 WHERE id = ? AND ignored", [target])
        db.conn.executemany(
            "UPDATE faces SET by = 'human', not_a_face = 0 WHERE id = ?",
            [[face] for face in face_ids],
        )
    drop_empty(db)
    return count


def say_regions(db: Database, names: Mapping[int, str]) -> int:
    """Let faces have the names that files give them, where nobody said anything of the face.

    What a file says is said once: it is not said again while the file says the same, though it
    was taken back since; another name is another statement.
    names    face → name
    returns  how many faces got one

    Of a name that several have it is that one's whose the face is already, else the first one's.
    Of a name that nobody has any more it is the person's whom files called so before, if that was
    one alone: who is renamed here keeps the name in files.
    """
    if not names:
        return 0
    log_lines = Lines(db)
    every = log_lines.about(refs_of(db, names).values(), ())
    held = replay(db, every)
    all_said = replay(db, [replace(line, undoes=None) for line in every])  # as if all counted
    last: dict[int, str] = {}
    for line in every:
        if line.source == "region" and line.name is not None:
            last |= dict.fromkeys(all_said.named_by.get(line.id, ((), ()))[0], line.name)
    lines = held.said | held.not_faces
    places = places_of(db, names)
    wanted: dict[tuple[str, int | None], list[int]] = {}
    for face, given in names.items():
        by_person = face in lines and lines[face].source == "human"
        if by_person or (face in last and persons.same_name(last[face], given)):
            continue
        name = checked(given)
        known = all_called(db, name) or _once_called(db, log_lines, name)
        whose, _ = places[face]
        target = whose if whose in known else next(iter(known), None)
        wanted.setdefault((name, target), []).append(face)
    for (name, target), faces in wanted.items():
        if target is None:  # one of these may have made somebody of that name by now
            target = next(iter(all_called(db, name)), None)
        _, now, _ = assign(db, "name", target, name, faces, "region")
        assert now is not None
        if target is None:
            persons.set_name(db, now, name)
        db.conn.executemany("UPDATE faces SET by = 'human' WHERE id = ?", [[id] for id in faces])
    drop_empty(db)
    return sum(map(len, wanted.values()))


def _once_called(db: Database, every: Lines, name: str) -> list[int]:
    """The person whom files called so before, and whom somebody calls otherwise since."""
    rows = db.execute("SELECT id, name FROM statements WHERE source = 'region' AND name NOT NULL")
    ids = [id for id, called in rows if persons.same_name(called, name)]
    if not ids:
        return []
    held = replay(db, every.about((), (), ids))
    who = {
        held.whose[face]
        for id in ids
        for face in held.named_by.get(id, ((), ()))[0]
        if face in held.whose
    }
    renamed = {
        line.person_id
        for line in held.every
        if line.kind == "name"
        and line.source == "human"
        and line.id in held.named_by
        and line.person_id in who
        and line.name is not None
        and line.name == held.names.get(line.person_id)
    }
    return list(who) if who == renamed and len(who) == 1 else []


class Unsaid:
    """Faces of which no person said anything, nor a file the same before."""

    def __init__(self, db: Database, held: Held) -> None:
        as_if_all_counted = [replace(line, undoes=None) for line in held.every]
        named_by = replay(db, as_if_all_counted).named_by
        self._again = {
            (face, persons.key_of(line.name))
            for line in held.every
            if line.source == "region" and line.name is not None
            for face in named_by.get(line.id, ((), ()))[0]
        }
        self._lines = held.said | held.not_faces

    def of(self, name: str, face_ids: Sequence[int]) -> list[int]:
        key = persons.key_of(name)
        return [
            face
            for face in face_ids
            if (face, key) not in self._again
            and (face not in self._lines or self._lines[face].source != "human")
        ]
