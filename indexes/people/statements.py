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

from collections.abc import Sequence

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.people import log
from retrieve.indexes.people.log import Source, Statement
from retrieve.indexes.people.refs import FaceRef
from retrieve.indexes.people.replay import replay
from retrieve.indexes.people.saying.from_files import Unsaid, say_names, say_regions
from retrieve.indexes.people.saying.holding import apply, settle
from retrieve.indexes.people.saying.links import Links, links
from retrieve.indexes.people.saying.moving import (
    add_line,
    assign,
    best_face,
    faces_of,
    places_of,
    split_off,
)
from retrieve.indexes.people.saying.names import all_called, checked, person_called
from retrieve.indexes.people.saying.telling import Said, tell
from retrieve.indexes.people.saying.undoing import undo

__all__ = [
    "FaceRef", "Links", "Said", "apply", "history", "links", "rename", "say_ignore", "say_name",
    "say_names", "say_nobody", "say_not_a_face", "say_not_same", "say_regions", "say_same",
    "say_whose", "settle", "split", "undo",
]  # fmt: skip


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
    name = checked(name)
    persons.check_stored(db, face_ids)
    if source != "human":
        face_ids = Unsaid(db, replay(db)).of(name, face_ids)
    target = None if new else person_called(db, name)
    ids, target, along = assign(db, "name", target, name, face_ids, source)
    return tell(db, ids, target, along)


def say_whose(db: Database, person_id: int, face_ids: Sequence[int]) -> Said:
    """Say that some faces are a person's, who may have a name or not; otherwise as say_name().

    raises  BadInput for a face or person that is not stored
    """
    persons.check_stored(db, face_ids)
    persons.person(db, person_id)
    ids, _, along = assign(db, "whose", person_id, None, face_ids, "human")
    return tell(db, ids, person_id, along)


def rename(db: Database, person_id: int, name: str | None, *, new: bool = False) -> Said:
    """Call a person by another name, or write the same one anew; None takes it away.

    Where one other person has the new name they become one, with that one's id.

    new     it is another person of the same name
    raises  BadInput if there is no such person or it is no name; SharedName as say_name()
    """
    one = persons.person(db, person_id)
    anchor = best_face(db, person_id)
    if name is None:
        if one.name is None:
            raise BadInput(f"#{person_id} has no name; there is none to take away")
        ids = [add_line(db, "name", {anchor: person_id}, [anchor], person_id=person_id)]
        return tell(db, ids, person_id)
    name = checked(name)
    others = [] if new else [id for id in all_called(db, name) if id != person_id]
    if not others or (one.name is not None and persons.same_name(one.name, name)):
        ids = [add_line(db, "name", {anchor: person_id}, [anchor], person_id=person_id, name=name)]
        return tell(db, ids, person_id, one.faces - 1 if one.name is None else 0)
    target = person_called(db, name)
    assert target is not None
    called = persons.person(db, target).name
    to = dict.fromkeys(faces_of(db, person_id), target)
    ids = [add_line(db, "name", to, [anchor], name=called, person_id=target, other_id=person_id)]
    return tell(db, ids, target, len(to) - 1)


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
    anchors = best_face(db, one.id), best_face(db, other.id)
    moving = faces_of(db, other.id)
    to = dict.fromkeys(moving, one.id) | {anchors[0]: one.id}
    ids = [add_line(db, "same", to, anchors[:1], anchors[1:], person_id=one.id, other_id=other.id)]
    return tell(db, ids, one.id, len(moving))


def say_not_same(db: Database, person_id: int, other_id: int) -> Said:
    """Say that two persons are two: no clustering makes them one, and nobody is asked again.

    raises  BadInput if one is not stored, or both are the same: then split() tells them apart
    """
    one, other = persons.person(db, person_id), persons.person(db, other_id)
    if one.id == other.id:
        raise BadInput(
            f"{one.shown} is one person; to part some faces: retrieve split PERSON FACE..."
        )
    mine, theirs = best_face(db, one.id), best_face(db, other.id)
    to = {mine: one.id, theirs: other.id}
    ids = [add_line(db, "not-same", to, [mine], [theirs], person_id=one.id, other_id=other.id)]
    return tell(db, ids, one.id)


def split(db: Database, person_id: int, face_ids: Sequence[int]) -> Said:
    """Say that some faces of a person are somebody else: all of them one, without a name.

    returns  with that somebody's person_id
    raises   BadInput for a face that is not that person's, or if none would be left
    """
    one = persons.person(db, person_id)
    persons.check_stored(db, face_ids)
    theirs = faces_of(db, person_id)
    strange = [id for id in face_ids if id not in theirs]
    if strange:
        raise BadInput(f"face {strange[0]} is not {one.shown}'s; nothing was split")
    if not face_ids:
        raise BadInput("wanted faces that are somebody else; got none")
    if len(theirs) == len(set(face_ids)):
        raise BadInput(f"these are all faces of {one.shown}; to name them: retrieve name")
    ids, other = split_off(db, person_id, face_ids)
    return tell(db, [ids], other)


def say_not_a_face(db: Database, face_ids: Sequence[int]) -> Said:
    """Say that some faces are none: no search finds them, and they are nobody's.

    raises  BadInput for a face that is not stored
    """
    persons.check_stored(db, face_ids)
    if not face_ids:
        raise BadInput("wanted faces that are none; got none")
    ids = [add_line(db, "not-a-face", dict.fromkeys(face_ids), face_ids)]
    return tell(db, ids, None)


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
        ids.append(_ignore(db, id, best_face(db, id)))
        last = id
    for face in dict.fromkeys(face_ids):
        whose, _ = places_of(db, [face])[face]
        if whose is None:
            whose = add_person(db)
        elif persons.person(db, whose).name is not None:
            if len(faces_of(db, whose)) > 1:
                id, whose = split_off(db, whose, [face])
                ids.append(id)
        elif whose == last:
            continue  # another face of the same one
        ids.append(_ignore(db, whose, face))
        last = whose
    return tell(db, ids, last)


def say_nobody(db: Database, face_ids: Sequence[int]) -> Said:
    """Take the names of faces away: they are not those persons, whoever they are.

    raises  BadInput for a face that is not stored
    """
    persons.check_stored(db, face_ids)
    ids: list[int] = []
    by_person: dict[int, list[int]] = {}
    for face, (whose, _) in places_of(db, face_ids).items():
        if whose is not None and persons.person(db, whose).name is not None:
            by_person.setdefault(whose, []).append(face)
    for whose, some in by_person.items():
        if len(some) == len(faces_of(db, whose)):
            ids.append(add_line(db, "name", {some[0]: whose}, some[:1], person_id=whose))
        else:
            ids += [split_off(db, whose, [face])[0] for face in some]
    return tell(db, ids, None)


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


def _ignore(db: Database, person_id: int, face: int) -> int:
    return add_line(db, "ignore", {face: person_id}, [face], person_id=person_id)
