"""Who is seen with whom: the photos that hold some people at once, and all pairs of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from pathlib import Path

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.paths import path_of
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


def photos_with(db: Database, person_ids: Sequence[int]) -> list[Shared]:
    """The photos that hold every one of some people, in order of time, those without a date last.

    raises  BadInput if nobody is asked for
    """
    wanted = list(dict.fromkeys(person_ids))
    if not wanted:
        raise BadInput("wanted the names of people; got none")
    check_table(db, "contents", "paths", "faces", "persons")
    held: dict[int, list[Seen]] = {}
    query = (
        "SELECT content_id, person_id, name, faces.id, number, by, x1, y1, x2, y2 FROM faces "
        "JOIN persons ON persons.id = person_id JOIN contents ON contents.id = content_id "
        "WHERE contents.live AND person_id"
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
    return sorted(found, key=lambda one: (one.taken_at is None, one.taken_at or "", one.path))


def graph(db: Database, *, every: bool = False) -> Graph:
    """Who is seen with whom: everybody with a name, and with every=True the others too.

    Those about whom nobody is to ask are left out. Two people who are never seen with anybody
    are in the graph all the same.
    """
    check_table(db, "contents", "faces", "persons")
    where = "contents.live AND NOT ignored" + ("" if every else " AND name IS NOT NULL")
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
            f"max(quality) {joined} GROUP BY person_id) ORDER BY photos DESC, faces DESC, person_id"
        )
    ]
    counts: Counter[tuple[int, int]] = Counter()
    for seen in _in_photos(db, joined):
        counts.update(combinations(seen, 2))
    pairs = [Pair(one, other, photos) for (one, other), photos in counts.items()]
    pairs.sort(key=lambda pair: (-pair.photos, pair.one, pair.other))
    return Graph(tuple(people), tuple(pairs))


def _in_photos(db: Database, joined: str) -> Iterator[list[int]]:
    """Who is in each photo, by ascending id."""
    rows = db.execute(
        f"SELECT DISTINCT content_id, person_id {joined} ORDER BY content_id, person_id"
    )
    for _, several in groupby(rows, key=lambda row: row[0]):
        yield [person_id for _, person_id in several]
