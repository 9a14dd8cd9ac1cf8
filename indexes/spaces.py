"""One kind of embedding in a collection: its file of vectors and what the catalog says of it.

The commit protocol: inside a write transaction the rows are written behind the committed
ones and flushed, then their metadata and the new row count are committed at once. Readers
trust the count alone; what lies behind it is overwritten by the next writer. What an
embedding is of (a face, a passage) is known to the table named in `items`, not here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from indexes import segments
from indexes.database import VARIABLES, is_read_only, writing
from indexes.segments import Segment
from indexes.vectors import VectorFile
from retrieval.types import Embeddings


@dataclass(frozen=True, slots=True)
class Space:
    """What the catalog says about one kind of embedding.

    items       the table with one row, of columns id and row, for each living embedding
    made_by     the networks behind the vectors: detector, embedder, each with its SHA-256
    rows        committed in the vector file; None of what lies behind is trusted
    generation  of the vector file; compacting begins a new one
    """

    name: str
    items: str
    made_by: dict[str, str]
    dim: int
    metric: str = "cosine"
    rows: int = 0
    generation: int = 0


class VectorSpace:
    """The embeddings of one space, open in one process; not for use by several threads."""

    def __init__(self, db: Database, folder: Path, name: str) -> None:
        self._db = db
        self._folder = folder
        self.name = name

    def space(self) -> Space | None:
        """What the catalog says now; None before anything of this kind was stored."""
        row = self._db.execute(
            "SELECT name, items, made_by, dim, metric, rows, generation FROM spaces WHERE name = ?",
            [self.name],
        ).fetchone()
        if row is None:
            return None
        name, items, made_by, dim, metric, rows, generation = row
        return Space(name, items, json.loads(made_by), dim, metric, rows, generation)

    def required(self) -> Space:
        """The same where it is known to be there."""
        space = self.space()
        assert space is not None
        return space

    def create(self, space: Space) -> None:
        """Begin the space; call inside a write transaction."""
        self._db.execute(
            "INSERT INTO spaces (name, items, made_by, dim, metric, rows, generation) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                space.name,
                space.items,
                json.dumps(space.made_by),
                space.dim,
                space.metric,
                space.rows,
                space.generation,
            ],
        )

    def file(self, space: Space) -> VectorFile:
        """The vector file of the space's generation."""
        return VectorFile(self._folder / file_name(space.name, space.generation), space.dim)

    def append(self, embeddings: Embeddings) -> int:
        """Write rows behind the committed ones and flush them; returns the first row's number.

        Call inside a write transaction, with which they are committed.
        raises  BadInput for rows that are not unit float32
        """
        space = self.required()
        self.file(space).write(space.rows, embeddings)
        segments.append(self._db, self.name, space.rows, embeddings)
        self._update(replace(space, rows=space.rows + len(embeddings)))
        return space.rows

    def gallery(self) -> Embeddings:
        """Every committed row, (rows, D) float32, mapped and not loaded; dead rows too.

        raises  CollectionError if the file holds less than the catalog counts, FileMissing if
                it is not there: another process may have begun a new generation since
        """
        space = self.required()
        return self.file(space).read(space.rows)

    # Death: rows that no item refers to any more

    def kill(self, rows: Iterable[int]) -> None:
        """State that rows are dead and have to be overwritten; call inside a transaction."""
        self._db.conn.executemany(
            "INSERT OR IGNORE INTO dead (space, row, wiped) VALUES (?, ?, 0)",
            ([self.name, int(row)] for row in rows),
        )

    def dead(self) -> NDArray[np.int64]:
        """The dead rows, ascending."""
        found = self._db.execute("SELECT row FROM dead WHERE space = ? ORDER BY row", [self.name])
        return np.array([row for (row,) in found], np.int64)

    def wipe(self) -> int:
        """Overwrite with zeros what was killed and not yet overwritten; returns how many rows.

        A process that dies here leaves the rest to the next one. Checksums follow, but for a
        segment that was damaged before: it stays known as damaged.
        """
        if is_read_only(self._db) or not self._unwiped():
            return 0
        with writing(self._db):
            rows = self._unwiped()
            if rows:
                self.overwrite(rows, np.zeros((len(rows), self.required().dim), np.float32))
            self._db.execute("UPDATE dead SET wiped = 1 WHERE space = ?", [self.name])
        return len(rows)

    def _unwiped(self) -> list[int]:
        query = "SELECT row FROM dead WHERE space = ? AND NOT wiped ORDER BY row"
        return [row for (row,) in self._db.execute(query, [self.name])]

    def overwrite(self, rows: Sequence[int], values: Embeddings) -> None:
        """Put other values into committed rows; call inside a write transaction.

        rows    ascending
        values  (len(rows), D) float32
        """
        space = self.required()
        file = self.file(space)
        gallery = file.read(space.rows)
        touched = {row - row % segments.SEGMENT_ROWS for row in rows}
        held = [segment for segment in self._segments(touched) if segments.sound(gallery, segment)]
        file.overwrite(rows, values)
        gallery = file.read(space.rows)
        for segment in held:
            self.sign(segment, gallery)

    def sign(self, segment: Segment, gallery: Embeddings) -> None:
        """State the checksum of what a segment holds now."""
        rows = gallery[segment.first : segment.first + segment.rows]
        segments.put(self._db, self.name, replace(segment, crc=segments.crc32(rows)))

    def damaged(self) -> list[Segment]:
        """The segments whose bytes are not those that were written.

        One that another process is just overwriting is looked at again when it is done.
        raises  CollectionError if the file is shorter than the catalog counts
        """
        gallery = self.gallery()
        every = segments.segments(self._db, self.name)
        wrong = [segment for segment in every if not segments.sound(gallery, segment)]
        if not wrong or is_read_only(self._db):
            return wrong
        self.wipe()
        with writing(self._db):
            gallery = self.gallery()
            now = self._segments({segment.first for segment in wrong})
            return [segment for segment in now if not segments.sound(gallery, segment)]

    def _segments(self, firsts: set[int]) -> list[Segment]:
        wanted, found = sorted(firsts), []
        for start in range(0, len(wanted), VARIABLES):
            part = wanted[start : start + VARIABLES]
            marks = ",".join("?" * len(part))
            found += self._db.execute(
                f"SELECT first, rows, crc FROM segments WHERE space = ? AND first IN ({marks}) "
                "ORDER BY first",
                [self.name, *part],
            ).fetchall()
        return [Segment(*row) for row in found]

    # Generations

    def begin_generation(self, embeddings: Iterable[Embeddings]) -> None:
        """Write the living rows to a new file and let the catalog point to it.

        embeddings  blocks of rows in their new order. Call inside a write transaction, in
                    which the items' rows are renumbered too; then remove_leftovers()
        """
        old = self.required()
        new = replace(old, rows=0, generation=old.generation + 1)
        file = self.file(new)
        file.path.unlink(missing_ok=True)  # of a writer that died
        self._db.execute("DELETE FROM segments WHERE space = ?", [self.name])
        self._db.execute("DELETE FROM dead WHERE space = ?", [self.name])
        for block in embeddings:
            file.write(new.rows, block)
            segments.append(self._db, self.name, new.rows, block)
            new = replace(new, rows=new.rows + len(block))
        self._update(new)

    def remove_leftovers(self) -> None:
        """Unlink the vector files of other generations; whoever has one open keeps it."""
        with writing(self._db):  # nobody is writing a new one now
            current = file_name(self.name, self.required().generation)
            for path in self._folder.glob(f"{self.name}*.f32"):
                if path.name != current and _is_generation(path.name, self.name):
                    path.unlink()

    def _update(self, space: Space) -> None:
        self._db.execute(
            "UPDATE spaces SET rows = ?, generation = ? WHERE name = ?",
            [space.rows, space.generation, space.name],
        )


def file_name(space: str, generation: int) -> str:
    """The first generation keeps the name that it had before there were generations."""
    return f"{space}.f32" if generation == 0 else f"{space}.{generation}.f32"


def _is_generation(name: str, space: str) -> bool:
    middle = name.removeprefix(space).removesuffix("f32").strip(".")
    return middle == "" or middle.isdecimal()
