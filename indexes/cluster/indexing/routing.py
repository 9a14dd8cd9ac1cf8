"""Which shard has each file of a run, and which new segments there are.

All paths are in the order of their bytes, and each shard has ranges of it: so a file is looked for
in the shard that its path falls to, but for those that are known to be elsewhere. A file that no
shard knows stays where it falls as long as that shard has room for all that are new there, twice
the files of a segment. What finds no room is cut into new segments, whose ranges are taken out of
those that they fell into; half a segment or less goes to the youngest shard instead while that has
room. So the number of shards grows with the files and not with the runs.

The walk lies in a temporary table: ten million paths are not held in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from retrieve.indexes.building.leaving import Leaving
from retrieve.indexes.building.walk import Unlisted, is_text, walk
from retrieve.indexes.cluster.manifest import Manifest

ROOM = 2  # segments' files that a shard takes before new ones go elsewhere
AT_ONCE = 10_000  # paths

SCHEMA = """
CREATE TEMP TABLE IF NOT EXISTS walked (
    path BLOB PRIMARY KEY,
    falls INTEGER,              -- the shard in whose range it is; NULL: there is none yet
    linked INTEGER NOT NULL DEFAULT 0,  -- 1: it is known to be in another one
    shard INTEGER               -- that has it
) WITHOUT ROWID
"""

Unknown = Callable[[int, Sequence[Path]], list[Path]]  # of some paths, those a shard knows not


class Walked:
    """The files below the roots of a run, and the shards that have them.

    photos, texts  how many there are of each
    unlisted       folders that could not be read
    """

    def __init__(self, manifest: Manifest, roots: Sequence[Path], leaving: Leaving) -> None:
        self._manifest, self._db = manifest, manifest.db
        self.photos = self.texts = 0
        self.unlisted: list[Unlisted] = []
        self._db.execute(SCHEMA)
        self._db.execute("DELETE FROM walked")
        for some in _batches(self._paths(roots, leaving)):
            self._db.execute("BEGIN")
            self._db.conn.executemany(
                "INSERT OR IGNORE INTO walked (path) VALUES (?)", ([one] for one in some)
            )
            self._db.execute("COMMIT")

    def _paths(self, roots: Sequence[Path], leaving: Leaving) -> Iterator[bytes]:
        for item in walk(roots, leaving=leaving):
            if isinstance(item, Unlisted):
                self.unlisted.append(item)
                continue
            text = is_text(item.path)
            self.texts += text
            self.photos += not text
            yield os.fsencode(item.path)

    def route(self, segment_files: int, unknown: Unknown) -> None:
        """Settle which shard has each file, and write new ranges into the manifest; call inside
        coordinating().

        segment_files  of a new segment
        unknown        says of some paths which a shard does not know
        """
        self._db.execute(
            "UPDATE walked SET linked = EXISTS (SELECT 1 FROM elsewhere "
            "WHERE elsewhere.path = walked.path), falls = (SELECT ranges.shard FROM ranges "
            "WHERE first <= walked.path ORDER BY first DESC LIMIT 1)"
        )
        self._db.execute(
            "UPDATE walked SET shard = CASE WHEN linked THEN (SELECT elsewhere.shard "
            "FROM elsewhere WHERE elsewhere.path = walked.path) ELSE falls END"
        )
        self._make_room(segment_files, unknown)
        new = self._count("shard IS NULL")
        if not new:
            return
        with self._manifest.writing():
            self._cut(new, segment_files)
            self._write_ranges()

    def _make_room(self, segment_files: int, unknown: Unknown) -> None:
        """Take new files away from shards that have no room for them."""
        held = {one.number: one.files for one in self._manifest.shards()}
        room = ROOM * segment_files
        self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS strange (path BLOB PRIMARY KEY) WITHOUT ROWID"
        )
        for number, count in self.counts().items():
            files = held.get(number, 0)
            if files + count <= room:
                continue
            new = 0
            self._db.execute("DELETE FROM strange")
            for some in _batches(self.files(number)):
                paths = [Path(os.fsdecode(one)) for one in some]
                strange = unknown(number, paths) if number in held else paths
                new += len(strange)
                self._db.conn.executemany(
                    "INSERT INTO strange VALUES (?)", ([os.fsencode(one)] for one in strange)
                )
            if files + new > room:
                self._db.execute(
                    "UPDATE walked SET shard = NULL WHERE NOT linked AND shard = ? "
                    "AND path IN (SELECT path FROM strange)",
                    [number],
                )

    def _cut(self, new: int, segment_files: int) -> None:
        """Give the files that have no shard to new ones, or few of them to the youngest."""
        shards = self._manifest.shards()
        youngest = shards[-1] if shards else None
        if youngest is not None and new <= segment_files // 2:
            here = self._count("shard = ?", youngest.number)
            if youngest.files + here + new <= ROOM * segment_files:
                query = "UPDATE walked SET shard = ? WHERE shard IS NULL"
                self._db.execute(query, [youngest.number])
                return
        segments = -(-new // segment_files)
        self._db.execute(
            "UPDATE walked SET shard = ? + new.place * ? / ? FROM (SELECT path, "
            "row_number() OVER (ORDER BY path) - 1 AS place FROM walked WHERE shard IS NULL) "
            "AS new WHERE new.path = walked.path",
            [self._manifest.next_shard(), segments, new],
        )

    def _write_ranges(self) -> None:
        """Take the ranges of files that have another shard than they fell to out of that one's."""
        none = self._db.execute("SELECT 1 FROM ranges").fetchone() is None
        put = "INSERT OR REPLACE INTO ranges (first, shard) VALUES (?, ?)"
        back = "INSERT OR IGNORE INTO ranges (first, shard) VALUES (?, ?)"
        before: tuple[bytes, int | None, int] | None = None  # the last file of a range that is new
        rows = self._db.execute(
            "SELECT path, falls, shard FROM walked WHERE NOT linked ORDER BY path"
        )
        for path, falls, shard in rows:
            if falls == shard:
                if before is not None and before[1] is not None:
                    self._db.execute(back, [before[0] + b"\0", before[1]])
                before = None
                continue
            if before is not None and before[1] != falls and before[1] is not None:
                self._db.execute(back, [before[0] + b"\0", before[1]])
            if before is None or before[1:] != (falls, shard):
                self._db.execute(put, [b"" if none else path, shard])
                none = False
            before = path, falls, shard
        if before is not None and before[1] is not None:
            self._db.execute(back, [before[0] + b"\0", before[1]])

    def counts(self) -> dict[int, int]:
        """By shard, how many files it has."""
        rows = self._db.execute(
            "SELECT shard, count(*) FROM walked WHERE shard IS NOT NULL GROUP BY shard"
        )
        return dict(rows.fetchall())

    def files(self, number: int) -> Iterator[bytes]:
        """The files of a shard, in order."""
        query = "SELECT path FROM walked WHERE shard = ? ORDER BY path"
        for (path,) in self._db.execute(query, [number]):
            yield path

    def index(self) -> None:
        """Let files() find those of each shard at once, where there are many."""
        self._db.execute("CREATE INDEX IF NOT EXISTS temp.walked_shard ON walked (shard, path)")

    def close(self) -> None:
        """Let the walk go."""
        self._db.execute("DROP TABLE IF EXISTS temp.walked")

    def _count(self, where: str, *values: object) -> int:
        (count,) = self._db.execute(
            f"SELECT count(*) FROM walked WHERE {where}", list(values)
        ).fetchone()
        return int(count)


def _batches(paths: Iterator[bytes]) -> Iterator[list[bytes]]:
    while some := list(islice(paths, AT_ONCE)):
        yield some
