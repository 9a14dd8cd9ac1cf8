"""Who is seen with whom: the photos that hold some people at once, and all pairs of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from pathlib import Path

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import EVERYTHING, Filter, findable
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import persons_called
from retrieve.indexes.catalog.sums import check_table


@dataclass(frozen=True, slots=True)
class Seen:
    """A person in a photo.

    number  which face of the photo it is, 1 for the first
    box     x1, y1, x2, y2 in photo pixels
    by      who says that it is that person, as in the catalog
    """

    person_id: int
    person: str | None
    face_id: int
    number: int
    box: tuple[float, float, float, float]
    by: str | None


@dataclass(frozen=True, slots=True)
class Shared:
    """A photo that holds all of some people.

    faces  theirs, in the order in which they were asked for; one may have several
    """

    path: Path
    taken_at: str | None
    faces: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """Somebody in a graph.

    faces, photos  that are there now
    face_id        the face of theirs that shows best
    """

    person_id: int
    person: str | None
    faces: int
    photos: int
    face_id: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people, the lower id first, and the number of photos that show both."""

    one: int
    other: int
    photos: int


@dataclass(frozen=True, slots=True)
class Graph:
    """People, whoever has most photos first, and pairs, those with most photos first."""

    people: tuple[Node, ...]
    pairs: tuple[Pair, ...]


def photos_with(
    db: Database, person_ids: Sequence[int], wanted_of: Filter = EVERYTHING
) -> list[Shared]:
    """The photos that hold every one of some people, in order of time, those without a date last.

    wanted_of  what their faces have to satisfy; of persons, that they are in the photo, too
    raises     BadInput if nobody is asked for, or for a person whom nobody named
    """
    wanted = list(dict.fromkeys(person_ids))
    if not wanted:
        raise BadInput("wanted the names of people; got none")
    check_table(db, "contents", "paths", "faces", "persons")
    held: dict[int, list[Seen]] = {}
    query = (
        "SELECT content_id, person_id, name, faces.id, number, by, x1, y1, x2, y2 FROM faces "
        "JOIN persons ON persons.id = person_id JOIN contents ON contents.id = content_id "
        f"WHERE contents.live {_only(db, wanted_of)} AND person_id"
    )
    for content_id, person_id, name, face_id, number, by, *box in among(db, query, wanted):
        x1, y1, x2, y2 = box
        seen = Seen(person_id, name, face_id, number, (x1, y1, x2, y2), by)
        held.setdefault(content_id, []).append(seen)
    whole = {
        content_id: sorted(seen, key=lambda one: (wanted.index(one.person_id), one.number))
        for content_id, seen in held.items()
        if {one.person_id for one in seen} == set(wanted)
    }
    query = (
        "SELECT id, taken_at, (SELECT path FROM paths WHERE content_id = contents.id AND NOT gone "
        "ORDER BY paths.id LIMIT 1) FROM contents WHERE id"
    )
    found = [
        Shared(path_of(path), taken_at, tuple(whole[content_id]))
        for content_id, taken_at, path in among(db, query, whole)
    ]
    return sorted(found, key=in_time)


def in_time(one: Shared) -> tuple[bool, str, Path]:
    """By which photos are ordered: those without a date last."""
    return one.taken_at is None, one.taken_at or "", one.path


def ordered(people: Iterable[Node], pairs: Iterable[Pair]) -> Graph:
    """A graph of people and pairs in any order."""
    return Graph(
        tuple(sorted(people, key=lambda one: (-one.photos, -one.faces, one.person_id))),
        tuple(sorted(pairs, key=lambda pair: (-pair.photos, pair.one, pair.other))),
    )


def graph(db: Database, *, every: bool = False, wanted: Filter = EVERYTHING) -> Graph:
    """Who is seen with whom: everybody with a name, and with every=True the others too.

    Those about whom nobody is to ask are left out. Two people who are never seen with anybody
    are in the graph all the same.

    wanted  what faces have to satisfy; of persons, that they are in the photo, too
    raises  BadInput for a person whom nobody named
    """
    check_table(db, "contents", "faces", "persons")
    where = "contents.live AND NOT ignored" + ("" if every else " AND name IS NOT NULL")
    where += _only(db, wanted)
    joined = (
        "FROM faces JOIN persons ON persons.id = person_id "
        f"JOIN contents ON contents.id = content_id WHERE {where} "
    )
    people = [
        Node(*row)
        for row in db.execute(
            # Of columns beside one max(), SQLite gives those of the row that has it.
            "SELECT person_id, name, faces, photos, id FROM (SELECT person_id, name, "
            "count(*) AS faces, count(DISTINCT content_id) AS photos, faces.id AS id, "
            f"max(quality) {joined} GROUP BY person_id)"
        )
    ]
    counts: Counter[tuple[int, int]] = Counter()
    for seen in _in_photos(db, joined):
        counts.update(combinations(seen, 2))
    return ordered(people, (Pair(*pair, photos) for pair, photos in counts.items()))


def _only(db: Database, wanted: Filter) -> str:
    """SQL that goes on from WHERE: only faces that satisfy conditions."""
    if wanted == EVERYTHING:
        return ""
    with_them = wanted.persons
    (rows,) = db.execute("SELECT coalesce(max(row) + 1, 0) FROM faces").fetchone()
    keep = findable(db, rows, replace(wanted, persons=()))
    faces = db.execute("SELECT id, row FROM faces ORDER BY id").fetchall()
    ids = ",".join(str(id) for id, row in faces if keep is None or keep[row])
    where = f" AND faces.id IN ({ids})"
    for name in with_them:
        people = ",".join(map(str, persons_called(db, name)))
        where += f" AND content_id IN (SELECT content_id FROM faces WHERE person_id IN ({people}))"
    return where


def _in_photos(db: Database, joined: str) -> Iterator[list[int]]:
    """Who is in each photo, by ascending id."""
    rows = db.execute(
        f"SELECT DISTINCT content_id, person_id {joined} ORDER BY content_id, person_id"
    )
    for _, several in groupby(rows, key=lambda row: row[0]):
        yield [person_id for _, person_id in several]
