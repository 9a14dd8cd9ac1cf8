"""What a statement takes where as many were made as there are faces."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.clusters.attached import fill
from benchmarks.clusters.made import whose
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.people import log, statements
from retrieve.indexes.people.refs import refs_of

ROUNDS = 5


def table(faces: int) -> None:
    """Prints CPU s of a name, a merge and taking each back, of so many pinned faces:
    every face was named by a line of its own.
    """
    rng = np.random.default_rng(0)
    who = whose(faces, rng)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_collection(Path(folder) / "made", create=True) as collection,
    ):
        collection.begin()
        rows = np.zeros((faces, collection.faces.required().dim), np.float32)
        rows[:, 0] = 1  # no statement looks at an embedding
        fill(collection, rows, who, known=True)
        _pin(collection)
        lines, people = (
            collection.db.execute(f"SELECT count(*) FROM {one}").fetchone()[0]
            for one in ("statements", "persons")
        )
        print(f"{faces:,} pinned faces of {people:,} people, {lines:,} lines", flush=True)
        took: dict[str, list[float]] = {}
        for i in range(ROUNDS):
            one, other, third = (int(id) for id in rng.choice(people, 3, replace=False) + 1)
            (face,) = collection.db.execute(
                "SELECT id FROM faces WHERE person_id = ? LIMIT 1", [third]
            ).fetchone()
            for name, say in {
                "name": partial(statements.say_name, collection.db, f"new {i}", [face]),
                "merge": partial(statements.say_same, collection.db, one, other),
            }.items():
                took.setdefault(name, []).append(_timed(collection, say))
                took.setdefault(f"undo of {name}", []).append(
                    _timed(collection, lambda: statements.undo(collection.db))
                )
    for name, each in took.items():
        print(f"{name}: {np.median(each):.2f} CPU s in the middle, {max(each):.2f} at most")


def _timed(collection: Collection, say: Callable[[], object]) -> float:
    before = time.process_time()
    with writing(collection.db):
        say()
    return time.process_time() - before


def _pin(collection: Collection) -> None:
    db = collection.db
    found = db.execute("SELECT id, person_id FROM faces ORDER BY id").fetchall()
    with writing(db):
        refs = refs_of(db, [face for face, _ in found])
        for face, person in found:
            moved = [(person, "group", person, (face,))]
            log.add(
                db, "name", person_id=person, name=f"person {person}", faces=[refs[face]],
                moved=moved,
            )  # fmt: skip
        statements.apply(db)
