"""As how many strangers the faces count that a search may find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    faces = _faces(rows, keep)
    return counted(faces, _of_persons(db, keep, wanted) if faces and _has_persons(db) else {})


def counted(faces: int, of_persons: Mapping[int, int]) -> float:
    """As how many strangers so many faces count.

    of_persons  how many of them a person has → how many persons have as many
    """
    known = sum(n * people for n, people in of_persons.items())
    of_known = sum(strangers.independent([n]) * people for n, people in of_persons.items() if n)
    return float(of_known + max(faces - known, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What may be found of a collection, so that it can be counted together with others.

    faces    that may be found
    persons  (P,) ids, rising, of those whose faces they are
    of_each  (P,) how many each has
    """

    faces: int
    persons: NDArray[np.int64]
    of_each: NDArray[np.int64]


NOTHING = Searched(0, np.zeros(0, np.int64), np.zeros(0, np.int64))


def among_all(parts: Iterable[Searched]) -> float:
    """among() of several collections, in which one person has the same id."""
    every = list(parts)
    persons = np.concatenate([NOTHING.persons, *(one.persons for one in every)])
    _, which = np.unique(persons, return_inverse=True)
    of_each = np.bincount(which, np.concatenate([NOTHING.of_each, *(one.of_each for one in every)]))
    counts = Counter(of_each.astype(np.int64).tolist())
    return counted(sum(one.faces for one in every), dict(sorted(counts.items())))


def searched(db: Database, rows: int, keep: NDArray[np.bool_] | None, wanted: Filter) -> Searched:
    """What among() counts, of each person."""
    faces = _faces(rows, keep)
    if not faces or not _has_persons(db):
        return Searched(faces, NOTHING.persons, NOTHING.of_each)
    if wanted == EVERYTHING:
        found = dict(db.execute(f"SELECT person_id, count(*) {OF_PERSONS} GROUP BY person_id"))
        for id, hidden in _gone(db).items():
            found[id] -= hidden
    else:
        where, values = conditions(db, wanted, FACES)
        inside = f"{IN_CONTENTS} AND contents.live AND {' AND '.join(where)}"
        if wanted.near is None or keep is None:
            query = f"SELECT person_id, count(*) {inside} GROUP BY person_id"
            found = dict(db.execute(query, values))
        else:
            persons, counts = np.unique(_kept(db, inside, values, keep), return_counts=True)
            found = dict(zip(persons.tolist(), counts.tolist(), strict=True))
    each = np.array(sorted(pair for pair in found.items() if pair[1]), np.int64).reshape(-1, 2)
    return Searched(faces, each[:, 0], each[:, 1])


def _faces(rows: int, keep: NDArray[np.bool_] | None) -> int:
    return rows if keep is None else int(np.count_nonzero(keep))


def _has_persons(db: Database) -> bool:
    return db.execute(f"SELECT 1 {OF_PERSONS} LIMIT 1").fetchone() is not None


def _of_persons(db: Database, keep: NDArray[np.bool_] | None, wanted: Filter) -> Counter[int]:
    """How many findable faces a person has → how many persons have as many."""
    if wanted == EVERYTHING:
        return _of_all(db)
    where, values = conditions(db, wanted, FACES)
    inside = f"{IN_CONTENTS} AND contents.live AND {' AND '.join(where)}"
    if wanted.near is None or keep is None:
        return _counted(db, inside, values)
    _, counts = np.unique(_kept(db, inside, values, keep), return_counts=True)
    return Counter(counts.tolist())


def _kept(
    db: Database, inside: str, values: Sequence[Any], keep: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Whose faces there are of which the embedding may be found, a face each."""
    rows = db.execute(f"SELECT row, person_id {inside}", values).fetchall()
    pairs = np.array(rows, np.int64).reshape(-1, 2)
    pairs = pairs[pairs[:, 0] < len(keep)]
    whose: NDArray[np.int64] = pairs[keep[pairs[:, 0]], 1]
    return whose


def _of_all(db: Database) -> Counter[int]:
    """From the index of persons alone, but for those who are in photos that no file holds."""
    found = _counted(db, OF_PERSONS, ())
    for person_id, hidden in _gone(db).items():
        query = "SELECT count(*) FROM faces WHERE person_id = ?"
        (every,) = db.execute(query, [person_id]).fetchone()
        found[every] -= 1
        found[every - hidden] += 1
    return found


def _gone(db: Database) -> Counter[int]:
    """How many faces persons have in photos that no file holds."""
    # Not from the index of persons, whom SQLite would look at one by one.
    gone = db.execute(
        "SELECT person_id FROM contents CROSS JOIN faces ON faces.content_id = contents.id "
        "WHERE contents.live = 0"  # as its index
    ).fetchall()
    return Counter(id for (id,) in gone if id is not None)


def _counted(db: Database, faces: str, values: Iterable[Any]) -> Counter[int]:
    return Counter(dict(db.execute(HOW_MANY.format(faces), list(values)).fetchall()))
