"""Everyone in a collection, with their faces: what `retrieve people` shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import Person, in_order
from retrieve.indexes.catalog.sums import check_items, check_row, check_table

FEWEST = 3  # faces of a person without a name: fewer are passers-by more often than not


@dataclass(frozen=True, slots=True)
class Member:
    """One face of a person.

    box  x1, y1, x2, y2 in photo pixels
    by   who says whose it is: human, group or attached
    """

    face_id: int
    path: Path
    number: int
    box: tuple[float, float, float, float]
    quality: float
    by: str
    taken_at: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody with all their faces, the best first.

    first, last  when their first and last photo were taken, ISO 8601 as far as it is known
    """

    person: Person
    members: list[Member] = field(default_factory=list)

    @property
    def first(self) -> str | None:
        return min((one.taken_at for one in self.members if one.taken_at), default=None)

    @property
    def last(self) -> str | None:
        return max((one.taken_at for one in self.members if one.taken_at), default=None)


def check(db: Database) -> None:
    """Every row that a list of people is made of; raises CollectionError if one is not what was
    written.
    """
    check_table(db, "persons", "faces", "contents", "paths")


def shown(db: Database, *, unnamed: bool = False, everyone: bool = False) -> list[Person]:
    """Who is in people(), in the same order, without their faces; nothing is checked."""
    return worth_showing(persons.persons(db, named=False), unnamed=unnamed, everyone=everyone)


def worth_showing(
    every: Iterable[Person], *, unnamed: bool = False, everyone: bool = False
) -> list[Person]:
    """Of everybody those whom people() shows, in its order."""
    return [
        one
        for one in in_order(every)
        if not (unnamed and one.name is not None)
        and (everyone or (not one.ignored and one.faces >= (1 if one.name else FEWEST)))
    ]


def people(
    db: Database,
    *,
    unnamed: bool = False,
    everyone: bool = False,
    only: Sequence[int] = (),
    checked: bool = False,
) -> list[Listed]:
    """Everyone: those with a name by name, then the others by how many faces they have.

    unnamed   only those without a name
    everyone  those without a name who have fewer than FEWEST faces too, and those who are not to
              be asked about
    only      these persons, whoever they are
    checked   check() was asked before, as by a program that goes on: of `only` no more is checked
              than what is told of them
    raises    CollectionError if a row of it is not what was written
    """
    if only and checked:
        for id in only:
            check_row(db, "persons", id)
        check_items(db, "faces", "person_id", only)
    else:
        check(db)
    if only:
        chosen = persons.persons(db, named=False, only=only)
    else:
        chosen = shown(db, unnamed=unnamed, everyone=everyone)
    found = {one.id: Listed(one) for one in chosen}
    which = "IN (SELECT value FROM json_each(?))" if only else "IS NOT NULL"
    for id, person_id, path, number, *box, quality, by, taken_at in db.execute(
        "SELECT faces.id, person_id, (SELECT path FROM paths WHERE content_id = contents.id "
        " ORDER BY gone, paths.id LIMIT 1), number, x1, y1, x2, y2, quality, by, taken_at "
        "FROM faces JOIN contents ON contents.id = faces.content_id "
        f"WHERE person_id {which} AND contents.live ORDER BY quality DESC, faces.id",
        [json.dumps(list(only))] if only else [],
    ):
        if person_id in found:
            place = (box[0], box[1], box[2], box[3])
            member = Member(id, path_of(path), number, place, quality, by, taken_at)
            found[person_id].members.append(member)
    return list(found.values())
