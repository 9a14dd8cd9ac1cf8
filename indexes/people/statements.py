"""What people say of faces: said, taken back, told, and made to hold whatever is computed anew.

Each function adds one line or a few to the log (log.py) and lets them hold at once. All that change
something are called inside a write transaction:

    with writing(collection.db):
        said = statements.say_name(collection.db, "Ana", [12])

A person is an id of the table persons, named or not. What is said pins a few faces to a person
(faces.by = 'human'); all other faces are whose a clustering thinks they are, and `apply` is called
after whatever computes that or stores faces anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import among, writing
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import NUMBERED, add_person, checked_name, drop_empty
from retrieve.indexes.people import log, wording
from retrieve.indexes.people.log import By, Kind, Move, Source, Statement
from retrieve.indexes.people.refs import FaceRef, Finder, refs_of
from retrieve.indexes.people.replay import Held, go_on, replay
from retrieve.indexes.people.saying.connected import Lines, persons_of

__all__ = [
    "FaceRef", "Links", "Said", "apply", "history", "links", "rename", "say_ignore", "say_name",
    "say_names", "say_nobody", "say_not_a_face", "say_not_same", "say_regions", "say_same",
    "say_whose", "settle", "split", "undo",
]  # fmt: skip

Places = dict[int, tuple[int | None, By]]  # a face → the person that it is of, and who says so


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


@dataclass(frozen=True, slots=True)
class Links:
    """What a clustering has to respect, by the ids of stored faces.

    pinned  whose the faces are of which that was said
    must    (M, 2) int64, pairs that are one person: of each person's pinned faces the first with
            every other one
    cannot  (K, 2) int64, pairs that are two, the first pinned face of each: of any two persons
            with names, of two who were said not to be the same, and of two one of whom got faces
            that had been thought the other's. With `must` the others follow. That two faces of
            one photo are two people is not in it, for unless somebody said otherwise it holds for
            all photos
    """

    pinned: Mapping[int, int]
    must: NDArray[np.int64]
    cannot: NDArray[np.int64]


def say_name(
    db: Database,
    name: str,
    face_ids: Sequence[int],
    *,
    new: bool = False,
    source: Source = "human",
) -> Said:
    """Say what the person of some faces is called.

    A face of a person without a name names that person, with all faces that are thought to be
    theirs; one of a person with another name leaves them alone. Where one other person has the
    name already they become one; other faces in a photo with one that is named are left out of
    that, for they are somebody else.

    new     it is another person of the same name
    source  'region' for a file that another program wrote: such a name comes second to what a
            person said, and is said once
    raises  BadInput for what is no name or a face that is not stored; SharedName if several have
            the name: say which with say_whose()
    """
    name = _checked(name)
    persons.check_stored(db, face_ids)
    if source != "human":
        face_ids = _Unsaid(db, replay(db)).of(name, face_ids)
    target = None if new else _called(db, name)
    ids, target, along = _assign(db, "name", target, name, face_ids, source)
    return _said(db, ids, target, along)


def say_names(db: Database, names: Mapping[str, Sequence[int]], *, source: Source = "human") -> int:
    """Say several names at once, as an import does, without telling what they contradict.

    Of a name that several have it is the first one's.
    source   as of say_name()
    returns  how many faces were named
    raises   BadInput for what is no name or a face that is not stored
    """
    unsaid = _Unsaid(db, replay(db)) if source != "human" else None
    count = 0
    for given, several in names.items():
        name = _checked(given)
        persons.check_stored(db, several)
        face_ids = several if unsaid is None else unsaid.of(name, several)
        known = _all_called(db, name)
        _, target, _ = _assign(db, "name", known[0] if known else None, name, face_ids, source)
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
    places = _places(db, names)
    wanted: dict[tuple[str, int | None], list[int]] = {}
    for face, given in names.items():
        by_person = face in lines and lines[face].source == "human"
        if by_person or (face in last and persons.same_name(last[face], given)):
            continue
        name = _checked(given)
        known = _all_called(db, name) or _once_called(db, log_lines, name)
        whose, _ = places[face]
        target = whose if whose in known else next(iter(known), None)
        wanted.setdefault((name, target), []).append(face)
    for (name, target), faces in wanted.items():
        if target is None:  # one of these may have made somebody of that name by now
            target = next(iter(_all_called(db, name)), None)
        _, now, _ = _assign(db, "name", target, name, faces, "region")
        assert now is not None
        if target is None:
            persons.set_name(db, now, name)
        db.conn.executemany("UPDATE faces SET by = 'human' WHERE id = ?", [[id] for id in faces])
    drop_empty(db)
    return sum(map(len, wanted.values()))


def say_whose(db: Database, person_id: int, face_ids: Sequence[int]) -> Said:
    """Say that some faces are a person's, who may have a name or not; otherwise as say_name().

    raises  BadInput for a face or person that is not stored
    """
    persons.check_stored(db, face_ids)
    persons.person(db, person_id)
    ids, _, along = _assign(db, "whose", person_id, None, face_ids, "human")
    return _said(db, ids, person_id, along)


def rename(db: Database, person_id: int, name: str | None, *, new: bool = False) -> Said:
    """Call a person by another name, or write the same one anew; None takes it away.

    Where one other person has the new name they become one, with that one's id.

    new     it is another person of the same name
    raises  BadInput if there is no such person or it is no name; SharedName as say_name()
    """
    one = persons.person(db, person_id)
    anchor = _anchor(db, person_id)
    if name is None:
        if one.name is None:
            raise BadInput(f"#{person_id} has no name; there is none to take away")
        ids = [_add(db, "name", {anchor: person_id}, [anchor], person_id=person_id)]
        return _said(db, ids, person_id)
    name = _checked(name)
    others = [] if new else [id for id in _all_called(db, name) if id != person_id]
    if not others or (one.name is not None and persons.same_name(one.name, name)):
        ids = [_add(db, "name", {anchor: person_id}, [anchor], person_id=person_id, name=name)]
        return _said(db, ids, person_id, one.faces - 1 if one.name is None else 0)
    target = _called(db, name)
    assert target is not None
    called = persons.person(db, target).name
    to = dict.fromkeys(_faces(db, person_id), target)
    ids = [_add(db, "name", to, [anchor], name=called, person_id=target, other_id=person_id)]
    return _said(db, ids, target, len(to) - 1)


def say_same(db: Database, person_id: int, other_id: int) -> Said:
    """Say that two persons are one: the one with a name stays, else the first.

    The faces of both are one person's, those in the same photo too: a mirror, a collage.
    raises  BadInput if one is not stored, or both are the same already
    """
    one, other = persons.person(db, person_id), persons.person(db, other_id)
    if one.id == other.id:
        raise BadInput(f"{one.shown} is one person already")
    if one.name is None and other.name is not None:
        one, other = other, one
    anchors = _anchor(db, one.id), _anchor(db, other.id)
    moving = _faces(db, other.id)
    to = dict.fromkeys(moving, one.id) | {anchors[0]: one.id}
    ids = [_add(db, "same", to, anchors[:1], anchors[1:], person_id=one.id, other_id=other.id)]
    return _said(db, ids, one.id, len(moving))


def say_not_same(db: Database, person_id: int, other_id: int) -> Said:
    """Say that two persons are two: no clustering makes them one, and nobody is asked again.

    raises  BadInput if one is not stored, or both are the same: then split() tells them apart
    """
    one, other = persons.person(db, person_id), persons.person(db, other_id)
    if one.id == other.id:
        raise BadInput(
            f"{one.shown} is one person; to part some faces: retrieve split PERSON FACE..."
        )
    mine, theirs = _anchor(db, one.id), _anchor(db, other.id)
    to = {mine: one.id, theirs: other.id}
    ids = [_add(db, "not-same", to, [mine], [theirs], person_id=one.id, other_id=other.id)]
    db.execute(
        "DELETE FROM suggestions WHERE (person_id, other_id) IN (VALUES (?, ?), (?, ?))",
        [one.id, other.id, other.id, one.id],
    )
    return _said(db, ids, one.id)


def split(db: Database, person_id: int, face_ids: Sequence[int]) -> Said:
    """Say that some faces of a person are somebody else: all of them one, without a name.

    returns  with that somebody's person_id
    raises   BadInput for a face that is not that person's, or if none would be left
    """
    one = persons.person(db, person_id)
    persons.check_stored(db, face_ids)
    theirs = _faces(db, person_id)
    strange = [id for id in face_ids if id not in theirs]
    if strange:
        raise BadInput(f"face {strange[0]} is not {one.shown}'s; nothing was split")
    if not face_ids:
        raise BadInput("wanted faces that are somebody else; got none")
    if len(theirs) == len(set(face_ids)):
        raise BadInput(f"these are all faces of {one.shown}; to name them: retrieve name")
    ids, other = _split(db, person_id, face_ids)
    return _said(db, [ids], other)


def say_not_a_face(db: Database, face_ids: Sequence[int]) -> Said:
    """Say that some faces are none: no search finds them, and they are nobody's.

    raises  BadInput for a face that is not stored
    """
    persons.check_stored(db, face_ids)
    if not face_ids:
        raise BadInput("wanted faces that are none; got none")
    ids = [_add(db, "not-a-face", dict.fromkeys(face_ids), face_ids)]
    return _said(db, ids, None)


def say_ignore(
    db: Database, *, person_ids: Sequence[int] = (), face_ids: Sequence[int] = ()
) -> Said:
    """Say that nobody is to be asked about some persons: passers-by, people on posters.

    face_ids  their persons; a face of somebody with a name is taken from them first
    returns   with the person_id of the last one
    raises    BadInput for what is not stored
    """
    persons.check_stored(db, face_ids)
    for id in person_ids:
        persons.person(db, id)
    ids: list[int] = []
    last = None
    for id in dict.fromkeys(person_ids):
        ids.append(_ignore(db, id, _anchor(db, id)))
        last = id
    for face in dict.fromkeys(face_ids):
        whose, _ = _places(db, [face])[face]
        if whose is None:
            whose = add_person(db)
        elif persons.person(db, whose).name is not None:
            if len(_faces(db, whose)) > 1:
                id, whose = _split(db, whose, [face])
                ids.append(id)
        elif whose == last:
            continue  # another face of the same one
        ids.append(_ignore(db, whose, face))
        last = whose
    return _said(db, ids, last)


def say_nobody(db: Database, face_ids: Sequence[int]) -> Said:
    """Take the names of faces away: they are not those persons, whoever they are.

    raises  BadInput for a face that is not stored
    """
    persons.check_stored(db, face_ids)
    ids: list[int] = []
    by_person: dict[int, list[int]] = {}
    for face, (whose, _) in _places(db, face_ids).items():
        if whose is not None and persons.person(db, whose).name is not None:
            by_person.setdefault(whose, []).append(face)
    for whose, some in by_person.items():
        if len(some) == len(_faces(db, whose)):
            ids.append(_add(db, "name", {some[0]: whose}, some[:1], person_id=whose))
        else:
            ids += [_split(db, whose, [face])[0] for face in some]
    return _said(db, ids, None)


def undo(db: Database, id: int | None = None) -> Statement:
    """Take back what was said: the line with that id, or the last one that was not taken back.

    Faces that it moved go where they were, unless something said later or computed since put
    them elsewhere. A line that took another one back can be taken back itself.

    returns  the line that was taken back
    raises   BadInput if there is no such line, or it was taken back already
    """
    every = Lines(db)
    heads = every.heads()
    counting = log.active(heads)
    if id is None:
        line = next(
            (
                one
                for head in reversed(heads)
                if head.id in counting and head.undoes is None and (one := every.one(head.id))
            ),
            None,
        )
        if line is None:
            raise BadInput("there is nothing to take back: nothing was said that still counts")
    else:
        line = every.one(id)
        if line is None:
            raise BadInput(f"nothing was said with the number {id}; see: retrieve history")
        if line.id not in counting:
            by = [one.id for one in heads if one.undoes == id and one.id in counting]
            again = f"; to let it hold again: retrieve undo {by[0]}" if by else ""
            raise BadInput(f"{id} was taken back already{again}")
    told = [line]  # the line, the one that it had taken back, and so on
    while told[-1].undoes is not None and (one := every.one(told[-1].undoes)) is not None:
        told.append(one)
    part = _about(every, told)
    back = _restore(db, line, replay(db, part))
    part += log.lines(db, after=back - 1)
    apply(db, replay(db, part), _scope(db, part, told))
    return line


def history(db: Database, person_id: int | None = None) -> list[tuple[Statement, bool, bool]]:
    """What was said, the oldest first: each line, whether it counts, and whether it holds still.

    person_id  only what is about that person, who may have become another one
    """
    every = log.lines(db)
    counting, held = log.active(every), replay(db, every)
    about = {line.id for line in every}
    if person_id is not None:
        who = held.become(person_id)
        faces = held.of(who)

        def concerns(line: Statement) -> bool:
            named = {held.become(id) for id in (line.person_id, line.other_id) if id is not None}
            return who in named or any(
                face in faces for some in held.named_by.get(line.id, ()) for face in some
            )

        about = {line.id for line in every if concerns(line)}
        about |= {line.id for line in every if line.undoes in about}
    return [
        (line, line.id in counting, line.kind == "undo" or held.holds(line))
        for line in every
        if line.id in about
    ]


def links(db: Database, only: Collection[int] | None = None) -> Links:
    """What was said of faces that are stored, as a clustering has to respect it.

    only  of these, as of the living ones
    """
    held = replay(db)
    pinned = {
        face: whose
        for face, whose in sorted(held.whose.items())
        if (face > 0 if only is None else face in only)
    }
    first: dict[int, int] = {}
    must = []
    for face, whose in pinned.items():
        if first.setdefault(whose, face) != face:
            must.append((first[whose], face))
    cannot = sorted((first[one], first[other]) for one, other in _two(held, set(first)))
    return Links(
        pinned,
        np.array(must, np.int64).reshape(-1, 2),
        np.array(cannot, np.int64).reshape(-1, 2),
    )


def _two(held: Held, there: set[int]) -> set[tuple[int, int]]:
    """Pairs of some persons who were said to be two, the lower id first."""
    named = sorted(id for id in there if held.names.get(id) is not None)
    found = set(combinations(named, 2))
    for line in held.every:
        faces, others = held.named_by.get(line.id, ((), ()))
        if line.kind == "same" or not others:
            continue
        who, who_else = (
            {held.whose[face] for face in some if face in held.whose} & there
            for some in (faces, others)
        )
        found |= {(min(pair), max(pair)) for pair in product(who, who_else) if pair[0] != pair[1]}
    return found


def settle(db: Database) -> None:
    """apply() in a transaction of its own, where anything was said at all."""
    if db.execute("SELECT 1 FROM statements LIMIT 1").fetchone() is not None:
        with writing(db):
            apply(db)


@dataclass(frozen=True, slots=True)
class Scope:
    """The faces and persons that some lines are about: for all others holds what held before."""

    faces: frozenset[int]
    persons: frozenset[int]


def apply(db: Database, held: Held | None = None, scope: Scope | None = None) -> None:
    """Let what was said hold, whatever was computed or stored since; inside a write transaction.

    To be called when faces were stored (index, import), stored anew (another detector) or grouped.
    What a clustering made of other faces stays; persons of whom no face is left are dropped.

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
    marked = {id for (id,) in rows("id", "faces", "not_a_face")}
    for face in stored - marked:
        db.execute(
            "UPDATE faces SET not_a_face = 1, person_id = NULL, by = NULL WHERE id = ?", [face]
        )
    for face in marked - stored:
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


# How it is done


def _about(every: Lines, told: Iterable[Statement]) -> list[Statement]:
    """All lines that have to do with some of them, these too."""
    told = list(told)
    refs = {ref for line in told for ref in (*line.faces, *line.others)}
    people = {id for line in told for id in persons_of(line)}
    return every.about(refs, people, [line.id for line in told])


def _scope(db: Database, part: Iterable[Statement], told: Iterable[Statement]) -> Scope:
    """What lines are about, and what some of them moved."""
    refs = [ref for line in part for ref in (*line.faces, *line.others)]
    finder = Finder(db, refs)
    faces = {face for ref in refs if (face := finder.stored(ref)) is not None}
    faces |= {face for line in told for *_, moved in line.moved for face in moved}
    people = {id for line in part for id in (line.person_id, line.other_id) if id is not None}
    people |= {id for line in told for id in persons_of(line)}
    return Scope(frozenset(faces), frozenset(people))


def _checked(name: str) -> str:
    name = checked_name(name)
    if NUMBERED.fullmatch(name):
        raise BadInput(f"{name} is how a person without a name is shown; give a name of letters")
    return name


def _all_called(db: Database, name: str) -> list[int]:
    key = persons.key_of(name)
    return [id for (id,) in db.execute("SELECT id FROM persons WHERE key = ? ORDER BY id", [key])]


def _once_called(db: Database, every: Lines, name: str) -> list[int]:
    """The person whom files called so before, and who is called otherwise since."""
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
    renamed = [id for id in who if held.names.get(id) is not None]
    return renamed if len(renamed) == len(who) == 1 else []


def _called(db: Database, name: str) -> int | None:
    """The person of a name, None if nobody has it; raises SharedName if several do."""
    return persons.person_id(db, name) if _all_called(db, name) else None


def _faces(db: Database, person_id: int) -> list[int]:
    query = "SELECT id FROM faces WHERE person_id = ? ORDER BY id"
    return [id for (id,) in db.execute(query, [person_id])]


def _places(db: Database, face_ids: Iterable[int]) -> Places:
    found = among(db, "SELECT id, person_id, by FROM faces WHERE id", face_ids)
    return {id: (whose, by) for id, whose, by in found}


def _anchor(db: Database, person_id: int, *, without: Iterable[int] = ()) -> int:
    """The face by which a person is known: one that was said to be theirs, else the best."""
    return _anchors(db, person_id, without=without)[0]  # a person has a face


def _anchors(db: Database, person_id: int, *, without: Iterable[int] = ()) -> list[int]:
    """All faces of a person but some, the ones by which they are best known first."""
    left_out = set(without)
    query = "SELECT id FROM faces WHERE person_id = ? ORDER BY by = 'human' DESC, quality DESC, id"
    return [id for (id,) in db.execute(query, [person_id]) if id not in left_out]


class _Unsaid:
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


def _assign(
    db: Database,
    kind: Kind,
    target: int | None,
    name: str | None,
    face_ids: Sequence[int],
    source: Source,
) -> tuple[list[int], int | None, int]:
    """Let faces be somebody's, with the groups without a name that they are of.

    target   None for a person who is not there yet
    returns  the lines that say so, the person, how many faces came along
    """
    named = list(dict.fromkeys(face_ids))
    if not named:
        return [], target, 0
    alone: list[int] = []
    groups: dict[int, list[int]] = {}
    places = _places(db, named)
    without = {
        id
        for (id,) in among(
            db,
            "SELECT id FROM persons WHERE name IS NULL AND id",
            [whose for whose, _ in places.values() if whose is not None],
        )
    }
    for face in named:
        whose, _ = places[face]
        if whose in without and whose is not None and whose != target:
            groups.setdefault(whose, []).append(face)
        else:
            alone.append(face)
    along = 0
    if target is None and groups:
        target = next(iter(groups))
        alone += groups.pop(target)
        along += len(_faces(db, target)) - sum(places[face][0] == target for face in alone)
    elif target is None:
        target = add_person(db)
    elif name is not None:
        now = persons.person(db, target).name
        name = now if now is not None and persons.same_name(now, name) else name
    ids = []
    for left, some in _by_person(places, alone, target, without).items():
        to = dict.fromkeys(some, target) | _crowded_out(db, target, named)
        rest = [] if left is None else _anchors(db, left, without=named)[:1]
        ids.append(
            _add(
                db, kind, to | dict.fromkeys(rest, left), some, rest,
                person_id=target, other_id=left if rest else None, name=name, source=source,
            )
        )  # fmt: skip
    for group, some in groups.items():
        moving = _fitting(db, group, target, some)
        to = dict.fromkeys(moving, target) | _crowded_out(db, target, named)
        along += len(moving) - len(some)
        ids.append(
            _add(db, kind, to, some, name=name, source=source, person_id=target, other_id=group)
        )
    return ids, target, along


def _by_person(
    places: Places, faces: Sequence[int], target: int, unnamed: Collection[int]
) -> dict[int | None, list[int]]:
    """Faces by the person with another name who loses them; None: nobody does."""
    found: dict[int | None, list[int]] = {}
    for face in faces:
        whose, _ = places[face]
        found.setdefault(None if whose == target or whose in unnamed else whose, []).append(face)
    return found


def _crowded_out(db: Database, person_id: int, named: Sequence[int]) -> dict[int, int]:
    """Faces of a person that nobody said to be theirs, in photos where another face now is:
    each somebody of their own.
    """
    contents = [id for (id,) in among(db, "SELECT content_id FROM faces WHERE id", named)]
    found = among(
        db,
        f"SELECT id FROM faces WHERE person_id = {int(person_id)} AND by IS NOT 'human' "
        "AND content_id",
        contents,
    )
    return {id: add_person(db) for (id,) in found if id not in set(named)}


def _fitting(db: Database, group: int, target: int, named: Sequence[int]) -> list[int]:
    """The faces of a group that can become a person's: those that were said to be the group's,
    and of the others all in photos where no face is that person's.
    """
    taken = {
        content_id
        for (content_id,) in db.execute(
            "SELECT content_id FROM faces WHERE person_id = ?", [target]
        )
    }
    taken |= {id for (id,) in among(db, "SELECT content_id FROM faces WHERE id", named)}
    return [
        id
        for id, content_id, by in db.execute(
            "SELECT id, content_id, by FROM faces WHERE person_id = ? ORDER BY id", [group]
        ).fetchall()
        if id in named or by == "human" or content_id not in taken
    ]


def _split(db: Database, person_id: int, face_ids: Sequence[int]) -> tuple[int, int]:
    other = add_person(db)
    rest = _anchor(db, person_id, without=face_ids)
    to = dict.fromkeys(face_ids, other) | {rest: person_id}
    id = _add(db, "split", to, face_ids, [rest], person_id=person_id, other_id=other)
    return id, other


def _ignore(db: Database, person_id: int, face: int) -> int:
    return _add(db, "ignore", {face: person_id}, [face], person_id=person_id)


def _add(
    db: Database,
    kind: Kind,
    to: Mapping[int, int | None],
    faces: Sequence[int],
    others: Sequence[int] = (),
    *,
    person_id: int | None = None,
    other_id: int | None = None,
    name: str | None = None,
    source: Source = "human",
) -> int:
    """Add a line and put faces where it says; returns its id.

    to  faces, and whose they are from now on
    """
    refs = refs_of(db, [*faces, *others])
    moved = _moves(db, to)
    db.conn.executemany(
        "UPDATE faces SET person_id = ?, by = CASE WHEN ? IS NULL THEN NULL "
        "ELSE coalesce(by, 'group') END WHERE id = ?",
        [[whose, whose, face] for face, whose in to.items()],
    )
    return log.add(
        db,
        kind,
        person_id=person_id,
        other_id=other_id,
        name=name,
        faces=[refs[face] for face in faces],
        others=[refs[face] for face in others],
        source=source,
        moved=moved,
    )


def _moves(db: Database, to: Mapping[int, int | None]) -> list[Move]:
    """What has to be known to take it back."""
    found: dict[tuple[int | None, By, int | None], list[int]] = {}
    for face, (whose, by) in sorted(_places(db, to).items()):
        found.setdefault((whose, by, to[face]), []).append(face)
    return [(whose, by, now, tuple(faces)) for (whose, by, now), faces in found.items()]


def _restore(db: Database, line: Statement, held: Held) -> int:
    """Add the line that takes one back, and put faces where they were before it; returns its id."""
    there = {id for (id,) in db.execute("SELECT id FROM persons")}
    back: dict[int, tuple[int | None, By]] = {}
    for whose, by, now, faces in line.moved:
        came = whose if whose is None or whose in there else _came_back(held, line, whose)
        for face, (is_now, _) in _places(db, faces).items():
            if is_now == now:
                back[face] = came, by
    for came in sorted({whose for whose, _ in back.values() if whose is not None} - there):
        add_person(db, id=came)
    moved = _moves(db, {face: whose for face, (whose, _) in back.items()})
    db.conn.executemany(
        "UPDATE faces SET person_id = ?, by = ? WHERE id = ?",
        [[whose, by, face] for face, (whose, by) in back.items()],
    )
    return log.add(db, "undo", undoes=line.id, moved=moved)


def _came_back(held: Held, line: Statement, person_id: int) -> int:
    """Who a person is who is not there: whom others made of them, but for this line."""
    if held.joined.get(person_id) == line.person_id and line.other_id == person_id:
        return person_id
    return held.become(person_id)


def _said(db: Database, ids: Sequence[int], person_id: int | None, along: int = 0) -> Said:
    """Let it hold, and tell what became of it.

    ids  of the lines that were added, one behind the other
    """
    notes: list[str] = []
    new = log.lines(db, after=min(ids) - 1) if ids else []
    if new:
        part = _about(Lines(db), new)
        held = replay(db, [line for line in part if line.id < new[0].id])
        held_before = [line for line in held.every if held.holds(line)]
        go_on(db, held, new)
        apply(db, held, _scope(db, part, new))
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
    faces = len(_faces(db, person_id))
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
