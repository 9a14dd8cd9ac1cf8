"""A line that is added, and the faces that it moves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlite_utils import Database

from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.people import log
from retrieve.indexes.people.log import By, Kind, Move, Source
from retrieve.indexes.people.refs import refs_of

Places = dict[int, tuple[int | None, By]]  # a face → the person that it is of, and who says so


def faces_of(db: Database, person_id: int) -> list[int]:
    """The ids of a person's faces, ascending."""
    query = "SELECT id FROM faces WHERE person_id = ? ORDER BY id"
    return [id for (id,) in db.execute(query, [person_id])]


def places_of(db: Database, face_ids: Iterable[int]) -> Places:
    """Whose some faces are, and who says so."""
    found = among(db, "SELECT id, person_id, by FROM faces WHERE id", face_ids)
    return {id: (whose, by) for id, whose, by in found}


def best_face(db: Database, person_id: int, *, without: Iterable[int] = ()) -> int:
    """The face by which a person is known: one that was said to be theirs, else the best."""
    return best_faces(db, person_id, without=without)[0]  # a person has a face


def best_faces(db: Database, person_id: int, *, without: Iterable[int] = ()) -> list[int]:
    """All faces of a person but some, the ones by which they are best known first."""
    left_out = set(without)
    query = "SELECT id FROM faces WHERE person_id = ? ORDER BY by = 'human' DESC, quality DESC, id"
    return [id for (id,) in db.execute(query, [person_id]) if id not in left_out]


def assign(
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
    places = places_of(db, named)
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
        along += len(faces_of(db, target)) - sum(places[face][0] == target for face in alone)
    elif target is None:
        target = add_person(db)
    elif name is not None:
        now = persons.person(db, target).name
        name = now if now is not None and persons.same_name(now, name) else name
    ids = []
    for left, some in _by_person(places, alone, target, without).items():
        to = dict.fromkeys(some, target) | _crowded_out(db, target, named)
        rest = [] if left is None else best_faces(db, left, without=named)[:1]
        ids.append(
            add_line(
                db, kind, to | dict.fromkeys(rest, left), some, rest,
                person_id=target, other_id=left if rest else None, name=name, source=source,
            )
        )  # fmt: skip
    for group, some in groups.items():
        moving = _fitting(db, group, target, some)
        to = dict.fromkeys(moving, target) | _crowded_out(db, target, named)
        along += len(moving) - len(some)
        ids.append(
            add_line(db, kind, to, some, name=name, source=source, person_id=target, other_id=group)
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


def split_off(db: Database, person_id: int, face_ids: Sequence[int]) -> tuple[int, int]:
    """Let faces of a person be somebody new; returns the line that says so, and who that is."""
    other = add_person(db)
    rest = best_face(db, person_id, without=face_ids)
    to = dict.fromkeys(face_ids, other) | {rest: person_id}
    id = add_line(db, "split", to, face_ids, [rest], person_id=person_id, other_id=other)
    return id, other


def add_line(
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
    moved = moves(db, to)
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


def moves(db: Database, to: Mapping[int, int | None]) -> list[Move]:
    """What has to be known to take it back."""
    found: dict[tuple[int | None, By, int | None], list[int]] = {}
    for face, (whose, by) in sorted(places_of(db, to).items()):
        found.setdefault((whose, by, to[face]), []).append(face)
    return [(whose, by, now, tuple(faces)) for (whose, by, now), faces in found.items()]
