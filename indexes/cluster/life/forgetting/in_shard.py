"""What one copy of a shard has of what is to be forgotten, and its forgetting: questions to it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import among, reading
from retrieve.indexes.catalog.paths import path_of, stored, under
from retrieve.indexes.catalog.persons import Person, persons_called, told_apart
from retrieve.indexes.people.forgetting import once_called
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep import deletion
from retrieve.indexes.upkeep import forget as in_a_collection
from retrieve.indexes.upkeep.forget import Forgotten, Mention

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

Whom = tuple[int | None, str | None]  # a number, and the name; no number where only logs know it


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be forgotten.

    paths, folders  absolute
    """

    paths: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    persons: tuple[Whom, ...] = ()

    @property
    def replaced(self) -> bool:
        """Whether what files held before they were replaced goes, in every shard: which of them
        held it is not known any more.
        """
        return bool(self.paths or self.folders)

    def kept(self) -> dict[str, Any]:
        """As the manifest keeps it until it is done."""
        return {
            "paths": [os.fsencode(path).hex() for path in self.paths],
            "folders": [os.fsencode(path).hex() for path in self.folders],
            "persons": list(self.persons),
        }

    @staticmethod
    def read(kept: dict[str, Any]) -> Wanted:
        """What was kept."""
        paths, folders = (
            tuple(Path(os.fsdecode(bytes.fromhex(one))) for one in kept[name])
            for name in ("paths", "folders")
        )
        return Wanted(paths, folders, tuple((one[0], one[1]) for one in kept["persons"]))


@dataclass(frozen=True, slots=True)
class Here:
    """Of what is wanted all that a shard holds, as its own forgetting takes it."""

    paths: list[Path]
    folders: list[Path]
    persons: list[str]


@dataclass(frozen=True, slots=True)
class Doomed:
    """What a shard would forget.

    sha256s  of its contents
    faces    ids there
    persons  numbers and names of those of whom it has no face any more then
    """

    forgotten: Forgotten
    sha256s: list[str]
    faces: list[int]
    persons: list[tuple[int, str | None]]


def known(collection: Collection, wanted: Wanted) -> Here:
    """What of it a shard holds."""
    db = collection.db
    with reading(db):
        held = among(db, "SELECT path FROM paths WHERE path", map(stored, wanted.paths))
        paths = {path_of(one) for (one,) in held}
        persons = [_known(collection, *one) for one in wanted.persons]
        return Here(
            [path for path in wanted.paths if path in paths],
            folders_among(collection, wanted.folders),
            [one for one in persons if one is not None],
        )


def folders_among(collection: Collection, paths: Sequence[Path]) -> list[Path]:
    """Below which of some paths a shard holds something."""
    found = []
    for path in paths:
        where, values = under(path)
        query = f"SELECT 1 FROM paths WHERE {where} LIMIT 1"
        if collection.db.execute(query, values).fetchone():
            found.append(path)
    return found


def called(collection: Collection, name: str) -> tuple[list[tuple[Person, str]], bool]:
    """Who has that name or number in a shard, told apart; else whether its log knows the name."""
    try:
        ids = persons_called(collection.db, name)
    except BadInput:
        return [], once_called(collection.db, name)
    return told_apart(collection.db, ids), False


def would(collection: Collection, wanted: Wanted) -> Doomed:
    """What a shard would forget."""
    db = collection.db
    with reading(db):
        doomed = _chosen(collection, wanted, known(collection, wanted))
        query = "SELECT sha256 FROM contents WHERE id"
        sha256s = [sha256 for (sha256,) in among(db, query, doomed.contents)]
    return Doomed(
        in_a_collection.told(doomed),
        sha256s,
        [id for id, _ in doomed.faces],
        [(id, name) for id, name, _ in doomed.persons],
    )


def forgotten(collection: Collection, wanted: Wanted, verify: bool, patience_s: float) -> Forgotten:
    """Forget what of it a shard holds, and end what was begun there before."""
    here = known(collection, wanted)
    doomed = _chosen(collection, wanted, here)
    if not doomed:
        traces.finish_or_raise(collection.db, collection.path, patience_s=patience_s)
        return in_a_collection.told(doomed)
    return in_a_collection.forget(
        collection,
        paths=here.paths,
        folders=here.folders,
        persons=here.persons,
        replaced=wanted.replaced,
        verify=verify,
        patience_s=patience_s,
    )


def present(collection: Collection, persons: Iterable[int]) -> set[int]:
    """Which of some persons a shard has faces of."""
    query = "SELECT DISTINCT person_id FROM faces WHERE person_id"
    return {id for (id,) in among(collection.db, query, persons)}


def mentions(collection: Collection, names: Sequence[str]) -> list[Mention]:
    """Where passages of a shard say one of some names."""
    with reading(collection.db):
        return list(in_a_collection.mentions(collection.db, names))


def last_before(collection: Collection, paths: Sequence[bytes], but: Set[bytes]) -> list[bytes]:
    """Of each of some paths the last one before it that a shard has, but for some; b"" if none."""
    db, found = collection.db, []
    for path in paths:
        last = b""
        for kind in ("text", "blob"):  # as paths.stored() keeps them
            before: bytes | None = path
            while before is not None and (before == path or before in but):
                value = before if kind == "blob" else before.decode("utf-8", "surrogateescape")
                (row,) = db.execute(
                    "SELECT max(path) FROM paths WHERE typeof(path) = ? AND path < ?", [kind, value]
                ).fetchone()
                before = None if row is None else os.fsencode(path_of(row))
            last = max(last, before or b"")
        found.append(last)
    return found


def log_lines(collection: Collection) -> set[int]:
    """The numbers of all lines of a shard's log."""
    return {id for (id,) in collection.db.execute("SELECT id FROM statements")}


def _chosen(collection: Collection, wanted: Wanted, here: Here) -> deletion.Doomed:
    return deletion.chosen(
        collection.db,
        paths=here.paths,
        folders=here.folders,
        persons=here.persons,
        replaced=wanted.replaced,
    )


def _known(collection: Collection, number: int | None, name: str | None) -> str | None:
    """How a shard knows a person: by number, or by what its log says of a name that nobody has
    there; None if not at all.
    """
    db = collection.db
    query = "SELECT 1 FROM persons WHERE id = ?"
    if number is not None and db.execute(query, [number]).fetchone():
        return f"#{number}"
    if name is not None and called(collection, name) == ([], True):
        return name
    return None
