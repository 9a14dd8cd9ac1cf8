"""A catalog in memory with all that some persons and faces of a cluster have to do with.

People say of faces there what they say in any collection, by the same functions; what changed is
written into the shards (writing.py). In it are all photos with a face of somebody who is asked for,
whole, and of the log everything; of others who are in those photos it has no more than that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from retrieve.indexes.catalog.database import Connection
from retrieve.indexes.catalog.migrations import MIGRATIONS
from retrieve.indexes.catalog.persons import key_of
from retrieve.indexes.catalog.sums import teach
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.people import connected, gathering, log
from retrieve.indexes.cluster.people.gathering import (
    CONTENT,
    FACE,
    PATH,
    About,
    Part,
    Sought,
)
from retrieve.indexes.people.log import lines as every_line
from retrieve.indexes.people.naming import places_named
from retrieve.indexes.people.refs import FaceRef
from retrieve.indexes.people.saying.connected import Lines, persons_of

UNSIGNED = ("contents", "paths", "faces")  # of a view: its shards have looked at their own
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom and what a command is about.

    persons  numbers
    names    as people write them: everybody who is called so
    faces    ids of the cluster
    photos   as people write them: PHOTO or PHOTO:FACE
    lines    numbers of statements that are to be taken back; None for the last one
    every    all that was ever said, with its faces
    """

    persons: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    faces: tuple[int, ...] = ()
    photos: tuple[str, ...] = ()
    lines: tuple[int | None, ...] = ()
    every: bool = False


@dataclass(slots=True)
class View:
    """It, and what was in it at first.

    db           the catalog
    last_line    by shard the last number that its log gave
    faces        by id whose it was, who said so, and whether it is none
    persons      by number name and whether they are ignored
    asked        of whom it has all faces
    last         the last statement
    next_person  the number of the next new person
    suggestions  pairs, and their scores
    """

    db: Database
    last_line: dict[int, int] = field(default_factory=dict)
    faces: dict[int, tuple[int | None, str | None, int]] = field(default_factory=dict)
    persons: dict[int, tuple[str | None, int]] = field(default_factory=dict)
    asked: frozenset[int] = frozenset()
    last: int = 0
    next_person: int = 1
    suggestions: dict[Pair, float] = field(default_factory=dict)


def view(cluster: Asking, wanted: Wanted, *, said: bool = True) -> View:
    """What is wanted of a cluster.

    said    with the log
    raises  CollectionError if a shard does not answer
    """
    db = _empty()
    found = View(db)
    manifest = cluster.manifest
    whole = wanted.every or (said and not connected.is_there(manifest))
    if whole:
        log.fill(db, log.statements(manifest))
    if said or wanted.every:
        found.last = log.last(manifest)
        _count_from(db, "statements", found.last)
    (found.next_person,) = manifest.db.execute("SELECT next_person FROM cluster").fetchone()
    _count_from(db, "persons", found.next_person - 1)
    about = _about(cluster, db, wanted, said=said or wanted.every, whole=whole)
    found.asked = about.persons
    numbers = [one.number for one in manifest.shards()]
    each = {number: (number,) for number in numbers}
    parts = cluster.ask(gathering.part, about, each=each).all()
    for shard, part in parts.items():
        found.last_line[shard] = part.last_line
        _put(db, part)
    _put_suggestions(manifest.db, found)
    found.faces = {row[0]: (row[9], row[10], row[11]) for p in parts.values() for row in p.faces}
    rows = db.execute("SELECT id, name, ignored FROM persons")
    found.persons = {id: (name, ignored) for id, name, ignored in rows}
    return found


def _about(cluster: Asking, db: Database, wanted: Wanted, *, said: bool, whole: bool) -> About:
    """All that has to do with what is wanted: what was said of it, and of whom that was.

    whole  the whole log is in the view; else what is found of it is put there
    """
    persons, faces, refs = set(wanted.persons), set(wanted.faces), set[FaceRef]()
    keys = {key_of(name) for name in wanted.names}
    told: list[int] = []
    manifest = cluster.manifest
    if said:
        for given in wanted.lines:
            line = connected.last(manifest) if given is None else log.one(manifest, given)
            while line is not None:
                told.append(line.id)
                persons |= set(persons_of(line))
                faces |= {id for *_, moved in line.moved for id in moved}
                line = None if line.undoes is None else log.one(manifest, line.undoes)
    about = About(
        frozenset(persons),
        frozenset(keys),
        frozenset(faces),
        frozenset(path for text in wanted.photos for path in places_named(text)),
    )
    numbers = [one.number for one in manifest.shards()]
    found: dict[int, Sought] = cluster.ask(
        gathering.sought, about, each={number: (number,) for number in numbers}
    ).all()
    for one in found.values():
        persons |= one.persons
        refs |= one.refs
    sha256s = set[str]()
    if said:
        if wanted.every:
            lines = every_line(db)
        elif whole:
            lines = Lines(db).about(refs, persons, told)
        else:
            photos = {ref.sha256 for ref in refs}
            lines = connected.connected(manifest, photos, persons, told)
            log.fill(db, lines)
        sha256s = {ref.sha256 for line in lines for ref in (*line.faces, *line.others)}
        persons |= {id for line in lines for id in (line.person_id, line.other_id) if id}
    return replace(about, persons=frozenset(persons), sha256s=frozenset(sha256s))


def _put(db: Database, part: Part) -> None:
    for table, names, rows in (
        ("contents", CONTENT, part.contents),
        ("paths", PATH, part.paths),
        ("faces", f"{FACE}, row, landmarks", [(*row, row[0], b"") for row in part.faces]),
        ("persons", "id, name, key, ignored", part.persons),
    ):
        marks = ", ".join("?" * (names.count(",") + 1))
        db.conn.executemany(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", rows)


def _put_suggestions(manifest: Database, found: View) -> None:
    """What is asked of those who are asked for; the others of the pairs are there by name alone."""
    for one, other, score in manifest.execute(
        "SELECT person_id, other_id, score FROM suggestions"
    ).fetchall():
        if one in found.asked or other in found.asked:
            found.suggestions[one, other] = score
    values = [(*pair, score) for pair, score in found.suggestions.items()]
    found.db.conn.executemany(
        "INSERT INTO suggestions (person_id, other_id, score) VALUES (?, ?, ?)", values
    )
    _stand_in(found.db, {id for pair in found.suggestions for id in pair} - found.asked)


def _stand_in(db: Database, persons: Iterable[int]) -> None:
    """Persons without a face are dropped: those whose faces are not wanted have one of no photo."""
    there = {id for (id,) in db.execute("SELECT id FROM persons")}
    for id in sorted(set(persons) - there):
        db.execute("INSERT INTO persons (id) VALUES (?)", [id])
        db.execute(
            "INSERT INTO faces (id, row, content_id, number, x1, y1, x2, y2, landmarks, score, "
            "quality, person_id) VALUES (-?1, -?1, 0, 1, 0, 0, 0, 0, x'', 0, 0, ?1)",
            [id],
        )


def _count_from(db: Database, table: str, last: int) -> None:
    db.execute("DELETE FROM sqlite_sequence WHERE name = ?", [table])
    db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table, last])


def _empty() -> Database:
    db = _in_memory()
    db.conn.deserialize(_schema())
    return db


@cache
def _schema() -> bytes:
    db = _in_memory()
    with closing(db.conn):
        for migration in MIGRATIONS:
            migration(db, Path())
        for table in UNSIGNED:
            for event in ("insert", "update", "delete"):
                db.execute(f"DROP TRIGGER sums_{table}_{event}")
        found: bytes = db.conn.serialize()
    return found


def _in_memory() -> Database:
    conn = sqlite3.connect(
        ":memory:", isolation_level=None, check_same_thread=False, factory=Connection
    )
    teach(conn)
    return Database(conn, execute_plugins=False)
