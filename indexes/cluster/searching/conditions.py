"""Conditions on what is searched in shards, and persons, whom each shard may know or not."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.catalog.persons import (
    Person,
    Seen,
    SharedName,
    ids_called,
    in_order,
    nobody,
    persons,
    seen,
)
from retrieve.indexes.cluster.searching.asking import Asking
from retrieve.indexes.collection import Collection
from retrieve.indexes.queries.asked import checked_filter


def sent(wanted: Filter) -> Filter:
    """Conditions as they go to other processes, which may stand in another folder."""
    folders = tuple(folder.absolute() for folder in checked_filter(wanted).folders)
    return replace(wanted, folders=folders)


def here(db: Database, wanted: Filter) -> tuple[Filter | None, tuple[str, ...]]:
    """Conditions as a shard can be asked for them, and which persons it knows of those they name.

    returns  None where it knows none of them, so that nothing fulfils them
    """
    if not wanted.persons:
        return wanted, ()
    known = tuple(name for name in wanted.persons if ids_called(db, name))
    return replace(wanted, persons=known) if known else None, known


def check(shards: Asking, wanted: Filter, known: Iterable[Several[str]]) -> None:
    """Raises BadInput for a person whom no shard knows, as a collection does.

    known  what here() said in each
    """
    all_known = {name for names in known for name in names}
    for name in wanted.persons:
        if name not in all_known:
            raise _nobody(shards, name)


def person_id(shards: Asking, text: str) -> int:
    """The person of that name or number.

    raises  BadInput if it is nobody's in any shard; SharedName if it is the name of several
    """
    found = called(shards, text)
    if not found:
        raise _nobody(shards, text)
    if len(found) > 1:
        raise SharedName(text, [(one.person, str(one)) for one in found])
    return found[0].person.id


def called(shards: Asking, text: str) -> list[Seen]:
    """Everybody of a name or number, by their ids, with what tells them apart."""
    together: dict[int, Seen] = {}
    for part in shards.ask(called_here, text).some().values():
        for one in part:
            known = together.get(one.person.id)
            together[one.person.id] = one if known is None else _joined(known, one)
    return [one for _, one in sorted(together.items())]


def called_here(collection: Collection, text: str) -> list[Seen]:
    """The same in one shard."""
    return seen(collection.db, ids_called(collection.db, text))


def names_here(collection: Collection) -> list[Person]:
    """Everybody who has a name in one shard."""
    return persons(collection.db)


def _nobody(shards: Asking, text: str) -> BadInput:
    answers = shards.ask(names_here)
    every = {one.id: one for part in answers.some().values() for one in part}
    error = nobody(text, [str(one.name) for one in in_order(every.values())])
    return BadInput(f"{error}; {answers.told}") if answers.missing else error


def _joined(one: Seen, other: Seen) -> Seen:
    """What two shards know of one person."""
    years = [each.years for each in (one, other) if each.years is not None]
    person = replace(
        one.person,
        name=one.person.name or other.person.name,
        faces=one.person.faces + other.person.faces,
        photos=one.person.photos + other.person.photos,
    )
    path: Path | None
    path, best = min(((each.path, each.best) for each in (one, other)), key=lambda each: each[1])
    return Seen(
        person,
        (min(first for first, _ in years), max(last for _, last in years)) if years else None,
        path,
        best,
    )
