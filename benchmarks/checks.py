"""What looking at checksums takes of a query: python -m benchmarks.checks [--rows N]

Made faces in a collection of their own, as in benchmarks.collection, asked for by warm queries with
k hits, in turn as they are and with nothing looked at: the rows of the catalog are then read by the
bare statement that an answer needs, none is kept, and embeddings are believed. Of each probe the
fastest of several rounds counts, in CPU microseconds; and what storing a face takes, with the
triggers that sign its rows and without.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.collection import fill
from retrieve.indexes.catalog.contents import StoredFace
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.sums import SIGNED
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.opened import Opened
from retrieve.indexes.vectors.trusted import Verdicts
from retrieve.types import Face

PROBES = 100
ROUNDS = 40
BARE = """
    SELECT faces.row, faces.id, number, x1, y1, x2, y2, landmarks, score, quality, taken_at,
    (SELECT path FROM paths WHERE paths.content_id = contents.id ORDER BY gone, paths.id LIMIT 1),
    persons.name FROM faces JOIN contents ON contents.id = faces.content_id
    LEFT JOIN persons ON persons.id = faces.person_id WHERE faces.row IN ({})
"""


def bare(opened: Opened, rows: Iterable[int]) -> dict[int, StoredFace]:
    """Opened.faces_at() of rows that nobody looks at or keeps."""
    wanted = list(rows)
    found = {}
    for row in opened.db.execute(BARE.format(",".join("?" * len(wanted))), wanted):
        points = np.frombuffer(row[7], "<f4").reshape(5, 2)
        face = Face(np.array(row[3:7], np.float32), points, row[8])
        place = path_of(row[11])
        found[row[0]] = StoredFace(row[1], row[0], row[2], face, row[9], place, row[10], row[12])
    return found


@contextmanager
def believing() -> Iterator[None]:
    """Nothing that an answer is made of is looked at."""
    with (
        mock.patch.object(Opened, "faces_at", bare),
        mock.patch.object(Verdicts, "check", return_value=None),
    ):
        yield


def microseconds(query: Callable[[], object]) -> float:
    before = time.process_time_ns()
    query()
    return (time.process_time_ns() - before) / 1e3


def compare(collection: Collection, k: int) -> tuple[float, float, float]:
    """CPU microseconds of a query whose hits were not looked at yet, of the same once more, and
    with nothing looked at.
    """
    gallery = collection.engine.gallery()
    probes = np.array(gallery[:: max(1, len(gallery) // PROBES)][:PROBES])
    best = np.full((3, len(probes)), np.inf)
    for _ in range(ROUNDS):
        for i in range(len(probes)):

            def query(probe: int = i) -> object:
                return collection.nearest(probes[probe : probe + 1], k=k)

            collection.opened._looked_at = None, {}
            best[0, i] = min(best[0, i], microseconds(query))
            best[1, i] = min(best[1, i], microseconds(query))
            with believing():
                best[2, i] = min(best[2, i], microseconds(query))
    first, again, believed = best.mean(axis=1).tolist()
    return first, again, believed


def stored(where: Path, rows: int, *, signed: bool) -> float:
    """CPU microseconds a face, one a photo."""
    with open_collection(where, create=True) as collection:
        collection.begin()
        if not signed:
            for table in SIGNED:
                for event in ("insert", "update", "delete"):
                    collection.db.execute(f"DROP TRIGGER sums_{table}_{event}")
        before = time.process_time()
        fill(collection, rows)
        return (time.process_time() - before) / rows * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, metavar="N")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        times: dict[bool, float] = {}
        for signed in (True, False, True, False):
            where = Path(name, f"{signed} {len(times)}")
            once = stored(where, asked.rows, signed=signed)
            times[signed] = min(once, times.get(signed, np.inf))
            if signed:
                kept = where
        print(
            f"storing a face: {times[True]:.0f} CPU µs, {times[False]:.0f} with nothing signed: "
            f"{times[True] - times[False]:.0f} more"
        )
        with open_collection(kept) as collection:
            for k in (10, 100):
                first, again, believed = compare(collection, k)
                print(
                    f"query among {asked.rows:,} faces, {k} hits: {first:.0f} CPU µs, and "
                    f"{again:.0f} where they were hits before; {believed:.0f} with nothing looked "
                    f"at: {first / believed - 1:+.1%}, {again / believed - 1:+.1%}"
                )


if __name__ == "__main__":
    main()
