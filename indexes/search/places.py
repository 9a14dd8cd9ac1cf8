"""Passages chosen by given weights of stems: BM25 as FTS5 has it, of numbers that are not its own.

FTS5's bm25() goes by how many passages its own table has and how long these are. Where passages lie
in several tables the numbers have to be those of all of them; FTS5 keeps where each stem stands and
how long each passage is, and from these NumPy makes the sum: about as fast as FTS5, which reads the
same.
Source: https://www.sqlite.org/fts5.html (fts5vocab of type instance, the docsize table).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.passages import K1, B, Passages

READ = 400  # passages whose rows are looked up at once


def chosen(
    db: Database,
    weights: Mapping[str, float],
    mean: float,
    most: int,
    keep: NDArray[np.bool_] | None,
) -> list[tuple[int, int, float]]:
    """The best passages by some stems: id, row and score of each, best first.

    weights  of the stems, in the order in which they are summed
    mean     stems of a passage
    keep     (rows,) which may be found; None for all
    """
    ids, scores = _scored(db, weights, mean)
    order = np.lexsort((ids, -scores))
    passages, found = Passages(db), list[tuple[int, int, float]]()
    for start in range(0, len(order), max(most, READ)):
        part = order[start : start + max(most, READ)]
        row_of = passages.rows(ids[part].tolist())
        for id, score in zip(ids[part].tolist(), scores[part].tolist(), strict=True):
            row = row_of.get(id)
            if row is not None and (keep is None or (row < len(keep) and keep[row])):
                found.append((id, row, score))
                if len(found) == most:
                    return found
    return found


def _scored(
    db: Database, weights: Mapping[str, float], mean: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ids (N,) of the passages that hold one of the stems, and their scores (N,)."""
    db.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.places USING fts5vocab (main, stems, instance)"
    )
    places = []
    for stem in weights:
        found = db.execute("SELECT doc FROM temp.places WHERE term = ?", [stem]).fetchall()
        holders = np.fromiter((id for (id,) in found), np.int64, len(found))
        places.append(np.unique(holders, return_counts=True))
    ids = np.unique(np.concatenate([np.zeros(0, np.int64), *(some for some, _ in places)]))
    norm = K1 * (1 - B + B * _lengths(db, ids) / mean)
    scores = np.zeros(len(ids))
    for (holders, often), weight in zip(places, weights.values(), strict=True):
        at = np.searchsorted(ids, holders)
        scores[at] += weight * (often * (K1 + 1) / (often + norm[at]))
    return ids, scores


def _lengths(db: Database, ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) how many stems passages have, those of their titles too."""
    query = "SELECT id, sz FROM stems_docsize WHERE id"
    sizes = dict(among(db, query, ids.tolist()))
    length = {size: _length(size) for size in set(sizes.values())}
    return np.array([length[sizes[id]] for id in ids.tolist()], np.float64)


def _length(sizes: bytes) -> int:
    """The sum of SQLite's variable-length integers, as those of a record are: most are a byte."""
    total = number = 0
    for byte in sizes:
        if byte < 0x80:
            total += number << 7 | byte
            number = 0
        else:
            number = number << 7 | byte & 0x7F
    return total
