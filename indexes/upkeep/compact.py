"""Compacting: dead rows out of the vector files, photos that nothing refers to out of the catalog.

Living rows go into a new file, in their order, and the catalog points to it and to their new
places in one transaction. Ids stay. Whoever reads the old file keeps it until he is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.files import used_bytes
from retrieve.indexes.search import traces
from retrieve.indexes.search.engine import Engine
from retrieve.indexes.upkeep import deletion
from retrieve.indexes.vectors import segments
from retrieve.indexes.vectors.segments import SEGMENT_ROWS, Segment
from retrieve.indexes.vectors.spaces import VectorSpace, every_space, searched_spaces
from retrieve.types import Embeddings

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

BLOCK_SEGMENTS = 32  # written at a time: 16 MB of 128-d rows, flushed


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compacting has removed.

    photos, texts, faces, passages, paths
                  out of the catalog
    rows          out of the vector files
    before_bytes  of all files of the collection
    """

    photos: int
    texts: int
    faces: int
    passages: int
    paths: int
    rows: int
    before_bytes: int
    after_bytes: int


def compact(
    collection: Collection, *, gone: bool = False, patience_s: float = traces.PATIENCE_S
) -> Compacted:
    """Remove what no search can find and give its space back.

    That are the embeddings of deleted faces, and photos to which no path refers since their
    files were replaced. Takes the free space that the collection takes.
    gone        remove photos, too, whose files are all gone, and the paths of such files
    patience_s  how long to wait for readers to end
    raises      CollectionError if embeddings are damaged: a new checksum would hide it
    """
    db, folder = collection.db, collection.path
    traces.finish(db, folder)
    before = used_bytes(folder)
    _refuse_damage(db, folder)
    with writing(db):
        doomed = deletion.unheld(db, gone=gone)
        if doomed:
            deletion.remove(collection, doomed)
    traces.overwrite(db, folder)  # and not only unlinked
    try:
        with writing(db):
            rows = sum(_renew(db, vectors) for vectors in every_space(db, folder))
            traces.mark(db)  # the catalog's file is written anew in any case
    except BaseException:
        for vectors in every_space(db, folder):
            with suppress(CollectionError):  # the disk is full or gone, which is said already
                vectors.remove_leftovers()
        raise
    traces.finish_or_raise(db, folder, patience_s=patience_s)
    for vectors in searched_spaces(db, folder):
        Engine(db, folder, vectors).build()
    return Compacted(
        photos=len(doomed.contents) - doomed.texts,
        texts=doomed.texts,
        faces=len(doomed.faces),
        passages=len(doomed.passages),
        paths=len(doomed.paths),
        rows=rows,
        before_bytes=before,
        after_bytes=used_bytes(folder),
    )


def _renew(db: Database, vectors: VectorSpace) -> int:
    """Begin a generation without dead rows; returns how many there were. In a transaction."""
    vectors.wipe_now()  # what others have deleted since
    space = vectors.required()
    items = '"' + space.items.replace('"', '""') + '"'
    found = db.execute(f"SELECT row FROM {items} ORDER BY id").fetchall()
    living = np.array(found, np.int64).reshape(-1)
    if (np.diff(living) <= 0).any() or (len(living) and living[-1] >= space.rows):
        raise CollectionError(
            f"the catalog's {space.items} and the rows of their embeddings do not fit together. "
            "Nothing was changed; what is wrong is told by: retrieve check"
        )
    dropped = space.rows - len(living)
    if dropped:
        every = segments.segments(db, vectors.name)
        vectors.begin_generation(_blocks(vectors, every, living))
        _renumber(db, items, living)
        db.execute("DELETE FROM caches WHERE space = ?", [vectors.name])
    return dropped


def _blocks(
    vectors: VectorSpace, every: list[Segment], living: NDArray[np.int64]
) -> Iterator[Embeddings]:
    """The living rows of the current generation, of sound segments only."""
    gallery, dying = vectors.gallery(), vectors.dying()  # none: they are wiped
    for start in range(0, len(gallery), BLOCK_SEGMENTS * SEGMENT_ROWS):
        stop = min(len(gallery), start + BLOCK_SEGMENTS * SEGMENT_ROWS)
        for segment in every[start // SEGMENT_ROWS : -(-stop // SEGMENT_ROWS)]:
            if not segments.sound(gallery, segment, dying):
                raise _damaged(vectors.name, 1)
        first, last = np.searchsorted(living, [start, stop])
        if first < last:
            yield np.array(gallery[living[first:last]])


def _renumber(db: Database, items: str, living: NDArray[np.int64]) -> None:
    """Let the items' rows be 0, 1, 2, …: a statement for each run of rows that moves."""
    shift = living - np.arange(len(living))
    starts = np.flatnonzero(np.diff(shift, prepend=0))
    stops = np.append(starts, len(living))[1:]
    db.conn.executemany(
        f"UPDATE {items} SET row = row - ? WHERE row BETWEEN ? AND ?",
        (
            [int(shift[start]), int(living[start]), int(living[stop - 1])]
            for start, stop in zip(starts, stops, strict=True)
        ),
    )


def _refuse_damage(db: Database, folder: Path) -> None:
    for vectors in every_space(db, folder):
        damaged = vectors.damaged()
        if damaged:
            raise _damaged(vectors.name, len(damaged))


def _damaged(name: str, count: int) -> CollectionError:
    return CollectionError(
        f"{count} segment{'s' if count > 1 else ''} of {name} do not hold what was written, and "
        "copying would hide that. Nothing was changed; first run: retrieve repair"
    )
