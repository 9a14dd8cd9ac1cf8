"""As how many strangers the faces count that a search may find."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.evaluation import strangers
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, Filter, conditions

OF_PERSONS = "SELECT person_id, count(*) FROM faces WHERE person_id IS NOT NULL GROUP BY person_id"
IN_CONTENTS = "FROM contents JOIN faces ON faces.content_id = contents.id WHERE person_id NOT NULL"


def among(db: Database, rows: int, keep: NDArray[np.bool_] | None, wanted: Filter) -> float:
    """As how many people who are strangers to each other the findable faces count.

    rows, keep  of the space, and which of them may be found, as filters.findable() has it
    returns     faces of one person as evaluation.strangers counts them; a face of which it is not
                known whose it is, as a person of its own
    """
    faces = rows if keep is None else int(np.count_nonzero(keep))
    if not faces or db.execute(f"{OF_PERSONS} LIMIT 1").fetchone() is None:
        return float(faces)
    counts = [count for count in _of_persons(db, keep, wanted).values() if count > 0]
    return strangers.independent(counts) + max(faces - sum(counts), 0)


def _of_persons(db: Database, keep: NDArray[np.bool_] | None, wanted: Filter) -> Counter[int]:
    """How many findable faces each person has."""
    if wanted == EVERYTHING:  # from the index alone, without those of photos that are gone
        found = Counter(dict(db.execute(OF_PERSONS).fetchall()))
        gone = f"SELECT person_id, count(*) {IN_CONTENTS} AND contents.live = 0 GROUP BY person_id"
        found.subtract(dict(db.execute(gone).fetchall()))
        return found
    where, values = conditions(db, wanted, FACES)
    query = f"SELECT row, person_id {IN_CONTENTS} AND contents.live AND {' AND '.join(where)}"
    pairs = np.array(db.execute(query, values).fetchall(), np.int64).reshape(-1, 2)
    if keep is not None:
        pairs = pairs[pairs[:, 0] < len(keep)]
        pairs = pairs[keep[pairs[:, 0]]]
    persons, counts = np.unique(pairs[:, 1], return_counts=True)
    return Counter(dict(zip(persons.tolist(), counts.tolist(), strict=True)))
