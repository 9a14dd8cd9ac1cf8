"""As how many strangers the faces count that a search may find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.evaluation import strangers
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, Filter, conditions

# How many persons have how many faces: SQLite counts, for of a million rows each would cost 1 µs.
HOW_MANY = "SELECT n, count(*) FROM (SELECT count(*) AS n {} GROUP BY person_id) GROUP BY n"
OF_PERSONS = "FROM faces WHERE person_id IS NOT NULL"
IN_CONTENTS = (
    "FROM contents JOIN faces ON faces.content_id = contents.id WHERE person_id IS NOT NULL"
)


def among(db: Database, rows: int, keep: NDArray[np.bool_] | None, wanted: Filter) -> float:
    """As how many people who are strangers to each other the findable faces count.

    rows, keep  of the space, and which of them may be found, as filters.findable() has it
    returns     faces of one person as evaluation.strangers counts them; a face of which it is not
                known whose it is, as a person of its own
    """
    faces = rows if keep is None else int(np.count_nonzero(keep))
    if not faces or db.execute(f"SELECT 1 {OF_PERSONS} LIMIT 1").fetchone() is None:
        return float(faces)
    of_persons = _of_persons(db, keep, wanted)
    known = sum(faces * people for faces, people in of_persons.items())
    counted = sum(strangers.independent([n]) * people for n, people in of_persons.items() if n)
    return counted + max(faces - known, 0)


def _of_persons(db: Database, keep: NDArray[np.bool_] | None, wanted: Filter) -> Counter[int]:
    """How many findable faces a person has → how many persons have as many."""
    if wanted == EVERYTHING:
        return _of_all(db)
    where, values = conditions(db, wanted, FACES)
    inside = f"{IN_CONTENTS} AND contents.live AND {' AND '.join(where)}"
    if wanted.near is None or keep is None:
        return _counted(db, inside, values)
    pairs = np.array(
        db.execute(f"SELECT row, person_id {inside}", values).fetchall(), np.int64
    ).reshape(-1, 2)
    pairs = pairs[pairs[:, 0] < len(keep)]
    _, counts = np.unique(pairs[keep[pairs[:, 0]], 1], return_counts=True)
    return Counter(counts.tolist())


def _of_all(db: Database) -> Counter[int]:
    """From the index of persons alone, but for those who are in photos that no file holds."""
    found = _counted(db, OF_PERSONS, ())
    # Not from the index of persons, whom SQLite would look at one by one.
    gone = db.execute(
        "SELECT person_id FROM contents CROSS JOIN faces ON faces.content_id = contents.id "
        "WHERE contents.live = 0"  # as its index
    ).fetchall()
    for person_id, hidden in Counter(id for (id,) in gone if id is not None).items():
        query = "SELECT count(*) FROM faces WHERE person_id = ?"
        (every,) = db.execute(query, [person_id]).fetchone()
        found[every] -= 1
        found[every - hidden] += 1
    return found


def _counted(db: Database, faces: str, values: Iterable[Any]) -> Counter[int]:
    return Counter(dict(db.execute(HOW_MANY.format(faces), list(values)).fetchall()))
