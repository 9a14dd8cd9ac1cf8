"""One kind of embedding in a collection: its file of vectors and what the catalog says of it.

The commit protocol: inside a write transaction the rows are written behind the committed
ones and flushed, then their metadata and the new row count are committed at once. Readers
trust the count alone; what lies behind it is overwritten by the next writer. What an
embedding is of (a face, a passage) is known to the table named in `items`, not here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import VARIABLES, is_read_only, reading, writing
from retrieve.indexes.vectors import segments
from retrieve.indexes.vectors.file import FileMissing, VectorFile
from retrieve.indexes.vectors.segments import Segment
from retrieve.types import Embeddings

MAX_DIM = 65536  # of embeddings that strangers state
STAGED = "staged_"  # begins the name of a space that is going to take another one's place
LOOKS = 2  # at damage: rows that are deleted while one looks are not damaged


class Moved(CollectionError):
    """Another process has moved the space to other networks; the caller's are of no use now."""

    def __init__(self, folder: Path, space: Space) -> None:
        made_by = ", ".join(v for name, v in space.made_by.items() if "sha256" not in name)
        super().__init__(
            f"{folder} was moved to other networks meanwhile ({made_by}, {space.dim}-d). What was "
            "stored is kept; run again, without --model and --detector, to go on with them"
        )


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
        self._held: tuple[list[tuple[Any, ...]], Space] | None = None  # as it was read last
        self.name = name

    def space(self) -> Space | None:
        """What the catalog says now; None before anything of this kind was stored.

        raises  CollectionError if that is not what was written
        """
        rows = sums.read(self._db, "spaces", "spaces.name = ?", self.name)
        if not rows:
            return None
        if self._held is None or self._held[0] != rows:
            sums.check_read(self._db, "spaces", rows)
            name, items, made_by, dim, metric, count, generation = self._db.execute(
                "SELECT name, items, made_by, dim, metric, rows, generation FROM spaces "
                "WHERE name = ?",
                [self.name],
            ).fetchone()
            space = Space(name, items, json.loads(made_by), dim, metric, count, generation)
            self._held = rows, space
        return self._held[1]

    def required(self) -> Space:
        """The same where it is known to be there."""
        space = self.space()
        if space is None:
            raise CollectionError(
                f"the catalog is damaged: it says nothing of the embeddings of {self.name}. What "
                "is damaged is told by: retrieve check"
            )
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

    def append(self, embeddings: Embeddings, *, made_by: Mapping[str, str] | None = None) -> int:
        """Write rows behind the committed ones and flush them; returns the first row's number.

        Call inside a write transaction, with which they are committed.
        made_by  networks that they are of, where another process may have moved the space to
                 others since that was looked at
        raises   BadInput for rows that are not unit float32, Moved for those of other networks
        """
        space = self.required()
        if made_by is not None and not made_by.items() <= space.made_by.items():
            raise Moved(self._folder, space)
        self.file(space).write(space.rows, embeddings)
        segments.append(self._db, self.name, space.rows, embeddings)
        self._update(replace(space, rows=space.rows + len(embeddings)))
        return space.rows

    def gallery(self, space: Space | None = None, *, scattered: bool = False) -> Embeddings:
        """Every committed row, (rows, D) float32, mapped and not loaded; dead rows too.

        space      what the catalog says now, where the caller has just read it
        scattered  as VectorFile.read()
        raises     CollectionError if the file holds less than the catalog counts, FileMissing if
                   it is not there: another process may have begun a new generation since
        """
        space = space or self.required()
        return self.file(space).read(space.rows, scattered=scattered)

    def seen(self, space: Space) -> tuple[int, ...]:
        """What tells whether its file is still the same: generation and committed rows, and what
        the file system says of it.

        raises  as gallery()
        """
        about = self.file(space).status(space.rows)
        return (
            space.generation,
            space.rows,
            about.st_size,
            about.st_mtime_ns,
            about.st_ctime_ns,
            about.st_ino,
            about.st_dev,
        )

    # Death: rows that no item refers to any more

    def kill(self, rows: Iterable[int]) -> None:
        """State that rows are dead and have to be overwritten; call inside a transaction.

        Their checksums become those of zeros, but for a segment that was damaged before: it
        stays known as damaged.
        """
        wanted = np.unique(np.fromiter(rows, np.int64))
        if not len(wanted):
            return
        gallery, dying = self.there(), self.dying()
        touched = np.unique(wanted - wanted % segments.SEGMENT_ROWS).tolist()
        held = [one for one in self.segments(touched) if segments.sound(gallery, one, dying)]
        self._db.conn.executemany(
            "INSERT OR IGNORE INTO dead (space, row, wiped) VALUES (?, ?, 0)",
            ([self.name, row] for row in wanted.tolist()),
        )
        dying = self.dying()
        for segment in held:
            self._sign(segment, gallery, dying)

    def dead(self) -> NDArray[np.int64]:
        """The dead rows, ascending."""
        return self._dead("")

    def dying(self) -> NDArray[np.int64]:
        """The dead rows that may not be overwritten yet, ascending."""
        return self._dead("AND NOT wiped")

    def _dead(self, condition: str) -> NDArray[np.int64]:
        query = f"SELECT row FROM dead WHERE space = ? {condition} ORDER BY row"
        return np.array([row for (row,) in self._db.execute(query, [self.name])], np.int64)

    def wipe(self) -> int:
        """Overwrite with zeros what was killed and not yet overwritten; returns how many rows.

        What a writer that died has left behind the committed rows goes too: it may be copies.
        A process that dies here leaves the rest to the next one.
        """
        if is_read_only(self._db) or not len(self.dying()):
            return 0
        with writing(self._db):
            return self.wipe_now()

    def wipe_now(self) -> int:
        """wipe() inside a write transaction."""
        space, rows = self.required(), self.dying()
        file = self.file(space)
        left = rows[rows < len(self.there())]
        if len(left):
            file.overwrite(left.tolist(), np.zeros((len(left), space.dim), np.float32))
        file.cut(space.rows)
        self._db.execute("UPDATE dead SET wiped = 1 WHERE space = ?", [self.name])
        return len(rows)

    # Checksums

    def there(self) -> Embeddings:
        """The committed rows that the file holds: all of them, if it is not damaged."""
        space = self.required()
        file = self.file(space)
        try:
            return file.read(min(space.rows, file.held()))
        except FileMissing:  # unlinked just now
            return file.read(0)

    def segments(self, firsts: Iterable[int]) -> list[Segment]:
        """The segments that begin with these rows, in order."""
        wanted, found = sorted(firsts), []
        for start in range(0, len(wanted), VARIABLES):
            part = wanted[start : start + VARIABLES]
            marks = ",".join("?" * len(part))
            found += self._db.execute(
                "SELECT first, rows, crc, blocks FROM segments "
                f"WHERE space = ? AND first IN ({marks}) ORDER BY first",
                [self.name, *part],
            ).fetchall()
        return [Segment(*row) for row in found]

    def sign(self, segment: Segment) -> None:
        """State the checksum of what a segment holds now; call inside a write transaction."""
        self._sign(segment, self.there(), self.dying())

    def _sign(self, segment: Segment, gallery: Embeddings, dying: NDArray[np.int64]) -> None:
        rows = segments.content(gallery, segment, dying)
        crc, blocks = segments.crc32(rows), segments.block_crcs(rows)
        segments.put(self._db, self.name, replace(segment, crc=crc, blocks=blocks))

    def damaged(self) -> list[Segment]:
        """The segments whose bytes are not those that were written, or are not there."""
        wrong: list[Segment] = []
        for _ in range(LOOKS):
            with reading(self._db):
                gallery, dying = self.there(), self.dying()
                every = segments.segments(self._db, self.name)
                wrong = [one for one in every if not segments.sound(gallery, one, dying)]
            if not wrong:
                break
        return wrong

    def overwrite(self, rows: Sequence[int], values: Embeddings) -> None:
        """Put other values into committed rows; call inside a write transaction.

        Checksums stay what they were until the segment is signed.
        rows    ascending
        values  (len(rows), D) float32
        """
        self.file(self.required()).overwrite(rows, values)

    # Generations

    def begin_generation(
        self, embeddings: Iterable[Embeddings], *, like: Space | None = None
    ) -> None:
        """Write the living rows to a new file and let the catalog point to it.

        embeddings  blocks of rows in their new order. Call inside a write transaction, in
                    which the items' rows are renumbered too; then remove_leftovers()
        like        a space of other networks, whose embeddings they are
        """
        old = self.required()
        of = like or old
        new = replace(old, made_by=of.made_by, dim=of.dim, rows=0, generation=old.generation + 1)
        file = self.file(new)
        file.path.unlink(missing_ok=True)  # of a writer that died
        self._db.execute("DELETE FROM segments WHERE space = ?", [self.name])
        self._db.execute("DELETE FROM dead WHERE space = ?", [self.name])
        for block in embeddings:
            file.write(new.rows, block)
            segments.append(self._db, self.name, new.rows, block)
            new = replace(new, rows=new.rows + len(block))
        self._update(new)

    def leftovers(self) -> list[Path]:
        """Vector files of other generations."""
        current = file_name(self.name, self.required().generation)
        return [
            path
            for path in sorted(self._folder.glob(f"{self.name}*.f32"))
            if path.name != current and _is_generation(path.name, self.name)
        ]

    def remove_leftovers(self) -> None:
        """Unlink the vector files of other generations; whoever has one open keeps it."""
        with writing(self._db):  # nobody is writing a new one now
            for path in self.leftovers():
                path.unlink()

    def _update(self, space: Space) -> None:
        self._db.execute(
            "UPDATE spaces SET rows = ?, generation = ?, made_by = ?, dim = ? WHERE name = ?",
            [space.rows, space.generation, json.dumps(space.made_by), space.dim, space.name],
        )


def every_space(db: Database, folder: Path) -> list[VectorSpace]:
    """All spaces of a collection, by name; those that are only being made, too."""
    names = db.execute("SELECT name FROM spaces ORDER BY name").fetchall()
    return [VectorSpace(db, folder, name) for (name,) in names]


def searched_spaces(db: Database, folder: Path) -> list[VectorSpace]:
    """The spaces that are searched, and have an index where they are large."""
    return [one for one in every_space(db, folder) if not is_staged(one.name)]


def is_staged(name: str) -> bool:
    """Whether a space is being made, to take another one's place when it is complete."""
    return name.startswith(STAGED)


def unowned_vectors(db: Database, folder: Path) -> list[Path]:
    """Files of spaces that were being made and are no more."""
    held = {vectors.name for vectors in every_space(db, folder)}
    files = sorted(folder.glob(f"{STAGED}*.f32"))
    return [path for path in files if path.name.split(".", 1)[0] not in held]


def remove_unowned_vectors(db: Database, folder: Path) -> None:
    """Unlink them."""
    if unowned_vectors(db, folder):
        with writing(db):  # nobody is beginning one now
            for path in unowned_vectors(db, folder):
                path.unlink()


def file_name(space: str, generation: int) -> str:
    """The first generation keeps the name that it had before there were generations."""
    return f"{space}.f32" if generation == 0 else f"{space}.{generation}.f32"


def _is_generation(name: str, space: str) -> bool:
    return re.fullmatch(re.escape(space) + r"(\.\d+)?\.f32", name) is not None
