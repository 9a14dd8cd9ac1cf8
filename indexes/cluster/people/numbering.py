"""The numbers of persons: one person has the same in every shard.

Names that other programs wrote into photos make persons while a shard is indexed, by itself, which
cannot know what numbers others have given. So a shard counts its own from OWN_PERSONS on, and
before anything is said or grouped the cluster gives them numbers: those of somebody who has the
name already, else new ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from sqlite_utils import Database

from retrieve.indexes.catalog.database import open_database, writing
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.ids import OWN_PERSONS
from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.cluster.people.gathering import Row, named_here
from retrieve.indexes.cluster.people.log import tell_names
from retrieve.indexes.collection import Collection
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.people import statements

Named = tuple[int, str | None, str | None]  # a number, the name that goes with it, its key


def adopt(folder: Path, manifest: Manifest) -> None:
    """Let the persons of a collection that becomes a shard keep apart from those of others.

    Those of the first that has any keep their numbers, as of a collection that becomes a cluster.
    Asked twice it does no more than once. Inside coordinating(), before the shard is served.
    """
    with closing(open_database(folder / CATALOG).conn) as conn:
        db = Database(conn, execute_plugins=False)
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'persons'").fetchone()
        last = 0 if row is None else int(row[0])
        if last >= OWN_PERSONS:
            return
        (following,) = manifest.db.execute("SELECT next_person FROM cluster").fetchone()
        with ExitStack() as stack:
            if not manifest.db.conn.in_transaction:
                stack.enter_context(manifest.writing())
            stack.enter_context(writing(db))
            if following == 1:
                manifest.new_persons(last)
            else:
                ids = [id for (id,) in db.execute("SELECT id FROM persons ORDER BY id")]
                renumber(db, {id: OWN_PERSONS + id for id in ids})
            db.execute("DELETE FROM sqlite_sequence WHERE name = 'persons'")
            db.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES ('persons', ?)",
                [OWN_PERSONS + last],
            )


def settle(cluster: Asking) -> None:
    """Give persons whom shards made by themselves numbers of the cluster; inside coordinating()."""
    own: dict[int, list[Row]] = {
        shard: rows for shard, rows in cluster.ask(own_persons).all().items() if rows
    }
    if not own:
        return
    numbers: dict[str, tuple[int, str]] = {}  # of names
    for _, rows in cluster.ask(named_here):
        for id, name, key, _ in rows:
            if key is not None and id < OWN_PERSONS:
                numbers[key] = min(numbers.get(key, (id, name)), (id, name))
    with cluster.manifest.writing():
        each: dict[int, tuple[dict[int, Named]]] = {}
        for shard, rows in sorted(own.items()):
            found: dict[int, Named] = {}
            taken: set[int] = set()
            for id, name, key, _ in rows:
                number, called = numbers.get(key, (0, name)) if key is not None else (0, None)
                if not number or number in taken:  # of two in one shard who share a name
                    (number,) = cluster.manifest.new_persons(1)
                    called = name
                    if key is not None:
                        numbers.setdefault(key, (number, called))
                taken.add(number)
                found[id] = number, called, key
            each[shard] = (found,)
    cluster.ask(give_numbers, each=each).all()


def own_persons(collection: Collection) -> list[Row]:
    """A question: whom a shard has made by itself; number, name, key, ignored."""
    query = "SELECT id, name, key, ignored FROM persons WHERE id >= ? ORDER BY id"
    return collection.db.execute(query, [OWN_PERSONS]).fetchall()


def give_numbers(collection: Collection, numbers: Mapping[int, Named]) -> None:
    """A question: let a shard's own persons have numbers of the cluster."""
    db = collection.db
    with writing(db):
        renumber(db, {id: number for id, (number, _, _) in numbers.items()})
        ignored = dict(db.execute("SELECT id, ignored FROM persons").fetchall())
        tell_names(db, [(id, name, ignored.get(id, 0)) for id, name, _ in numbers.values() if name])
        statements.apply(db)


def renumber(db: Database, numbers: Mapping[int, int]) -> None:
    """Let persons of a catalog have other numbers, wherever it names them; inside a transaction."""
    if not numbers:
        return
    for id, name, key, ignored in db.execute(
        "SELECT id, name, key, ignored FROM persons ORDER BY id"
    ).fetchall():
        if id in numbers:
            values = [numbers[id], name, key, ignored]
            query = "INSERT OR IGNORE INTO persons (id, name, key, ignored) VALUES (?, ?, ?, ?)"
            db.execute(query, values)
    pairs = [[new, old] for old, new in numbers.items()]
    db.conn.executemany("UPDATE faces SET person_id = ? WHERE person_id = ?", pairs)
    db.conn.executemany("UPDATE statements SET person_id = ? WHERE person_id = ?", pairs)
    db.conn.executemany("UPDATE statements SET other_id = ? WHERE other_id = ?", pairs)
    for id, text in db.execute("SELECT id, moved FROM statements WHERE moved != '[]'").fetchall():
        moved = [
            [numbers.get(whose, whose), by, numbers.get(now, now), faces]
            for whose, by, now, faces in json.loads(text)
        ]
        written = json.dumps(moved, separators=(",", ":"))
        if written != text:
            db.execute("UPDATE statements SET moved = ? WHERE id = ?", [written, id])
    # No person of a number that goes is asked about; grouping asks anew.
    gone = [[id] for id in numbers]
    db.conn.executemany("DELETE FROM suggestions WHERE person_id = ? OR other_id = ?1", gone)
    db.conn.executemany("DELETE FROM persons WHERE id = ?", gone)
