"""Whether a collection is whole: its catalog, its vector files, its index, who may read them.

Changes nothing, so that a collection that cannot be written can be checked too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import pragma, reading
from retrieve.indexes.catalog.filters import FACES
from retrieve.indexes.catalog.schema import altered
from retrieve.indexes.files import size_bytes, strange_files
from retrieve.indexes.people.again import disagreeing
from retrieve.indexes.reembedding.staged import halfway
from retrieve.indexes.search import cache, traces
from retrieve.indexes.search.ann import wants_index
from retrieve.indexes.search.engine import CACHE_FOLDER, Engine, unowned
from retrieve.indexes.upkeep.mending import rows as catalog_rows
from retrieve.indexes.vectors import segments
from retrieve.indexes.vectors.segments import SEGMENT_ROWS, Segment
from retrieve.indexes.vectors.spaces import (
    LOOKS,
    VectorSpace,
    every_space,
    is_staged,
    unowned_vectors,
)
from retrieve.networks.own import UNIT_TOLERANCE
from retrieve.unfinished import left_of

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

KINDS = {  # of damaged rows, in words
    "spaces": "what the catalog says of its embeddings",
    "contents": "photos and texts",
    "paths": "files",
    "faces": "faces",
    "crops": "pictures of faces",
    "persons": "persons and their names",
    "statements": "what was said of faces",
    "suggestions": "questions whether two persons are one",
    "passages": "passages",
    "words": "versions of the stems in the index of words",
    "staged_faces": "faces on their way to other networks",
    "pictures": "embeddings of whole photos",
    "classes": "classes of what photos show",
    "recognised": "which words in pictures were read",
}
TOLD = 5  # answers of SQLite, runs of rows
REPAIR = "Run: retrieve repair"
REPAIR_FIRST = "Run: retrieve repair; where that does not mend it, restore a backup"
CATALOG_LOST = "Restore the collection from a backup, or index into a new one"
NEXT_WRITER = "A writer is at work, or one died: the next run of retrieve index removes it"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be told, and what to do about it.

    wrong  False for what is only left over and does no harm
    """

    what: str
    todo: str
    wrong: bool = True


TRACES_LEFT = Finding("traces of what was deleted are still in the files of the catalog", REPAIR)


@dataclass(frozen=True, slots=True)
class Suspects:
    """What is wrong with the embeddings themselves.

    damaged  segments that do not hold what was written
    odd      living rows, in sound segments, that are not of length 1
    left     dead rows, in sound segments, that are not zeros
    """

    damaged: list[Segment]
    odd: NDArray[np.int64]
    left: NDArray[np.int64]

    def segments(self) -> set[int]:
        """First rows of all segments that any of it is in."""
        rows = np.concatenate([self.odd, self.left])
        return {one.first for one in self.damaged} | set((rows - rows % SEGMENT_ROWS).tolist())


def check(collection: Collection, *, indexes: bool = True) -> list[Finding]:
    """Everything that is not as it should be; an empty list if all is.

    indexes  look at the search indexes too, which can be made again at any time
    """
    db, folder = collection.db, collection.path
    strange = list(_strange(folder))
    findings = [*strange, *_permissions(folder)]
    try:
        findings += _catalog(db)
        if strange or any(finding.todo == CATALOG_LOST for finding in findings):
            return findings  # what it says about the rest cannot be relied upon
        return findings + _rest(db, folder, indexes=indexes)
    except sqlite3.DatabaseError as error:
        return [*findings, Finding(f"catalog.sqlite is damaged: {error}", CATALOG_LOST)]
    except sums.Torn as error:
        return [*findings, Finding(str(error), CATALOG_LOST)]


def _rest(db: Database, folder: Path, *, indexes: bool) -> list[Finding]:
    """What can be told where the catalog's file can be read."""
    findings = list(_signed(db))
    if altered(db) or sums.damaged(db, "spaces"):
        return findings  # as what the rest would be read is not known
    for vectors in every_space(db, folder):
        for _ in range(LOOKS):
            with reading(db):
                found = [*_items(db, vectors), *_rows(db, vectors)]
            if not found:
                break  # and if not: rows that are deleted while one looks are not damaged
        findings += found
        if indexes and not is_staged(vectors.name):
            findings += _index(db, folder, vectors)
        findings += _leftovers(vectors)
    findings += [*_words(db), *_said(db), *_halfway(db, folder), *_unfinished_elsewhere(folder)]
    return findings + _unfinished(db, folder)


def suspects(db: Database, vectors: VectorSpace) -> Suspects:
    """Read all rows of a space, once, and see what is wrong with them."""
    space, gallery, dying = vectors.required(), vectors.there(), vectors.dying()
    living, wiped = np.zeros((2, space.rows), np.bool_)
    for marked, numbers in (
        (living, living_rows(db, vectors)),
        (wiped, np.setdiff1d(vectors.dead(), dying)),
    ):
        marked[numbers[numbers < space.rows]] = True
    damaged: list[Segment] = []
    odd, left = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for segment in segments.segments(db, vectors.name):
        if not segments.sound(gallery, segment, dying):
            damaged.append(segment)
            continue
        numbers = np.arange(segment.first, segment.first + segment.rows)
        lengths = np.linalg.norm(gallery[numbers[0] : numbers[-1] + 1], axis=1)
        odd.append(numbers[living[numbers] & ~(np.abs(lengths - 1) <= UNIT_TOLERANCE)])
        left.append(numbers[wiped[numbers] & (lengths != 0)])
    return Suspects(damaged, np.concatenate(odd), np.concatenate(left))


def _strange(folder: Path) -> Iterator[Finding]:
    for path, kind in strange_files(folder):
        yield Finding(
            f"{path.relative_to(folder)} is no file of a collection, but a {kind}",
            "See who put it there and remove it, then run: retrieve repair",
        )


def _signed(db: Database) -> Iterator[Finding]:
    """Every row that an answer is made of is what was written."""
    changed = altered(db)
    if changed:
        yield Finding(
            f"what catalog.sqlite is made of is not as it was made: {', '.join(changed[:TOLD])}",
            CATALOG_LOST,
        )
        return
    for table, keys in catalog_rows.damaged(db):
        first = ", ".join(map(str, keys[:TOLD]))
        yield Finding(
            f"{len(keys)} of {KINDS[table]} are not what was written: {table} {first}"
            + (" …" if len(keys) > TOLD else ""),
            REPAIR,
        )


def _permissions(folder: Path) -> Iterator[Finding]:
    open_to_others = [
        path
        for path in [folder, *sorted(folder.rglob("*"))]
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]
    if open_to_others:
        first = open_to_others[0]
        yield Finding(
            f"others may use {len(open_to_others)} of the collection's files and folders, first "
            f"{first} (mode {first.lstat().st_mode & 0o777:o})",
            f"Run: chmod -R go-rwx '{folder}'",
        )


def _catalog(db: Database) -> Iterator[Finding]:
    try:
        answers = [row[0] for row in db.execute("PRAGMA integrity_check")]
        broken = db.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        yield Finding(f"catalog.sqlite is damaged: {error}", CATALOG_LOST)
        return
    for answer in answers[:TOLD]:
        if answer != "ok":
            yield Finding(f"catalog.sqlite is damaged: {answer}", _todo(answer))
    for table, row, parent, _ in broken[:TOLD]:
        yield Finding(
            f"row {row} of {table} refers to a row of {parent} that is not there",
            REPAIR_FIRST,
        )


def _todo(answer: str) -> str:
    """What is to be done about a line of integrity_check."""
    if catalog_rows.is_of_an_index(answer):
        return REPAIR
    return REPAIR_FIRST if catalog_rows.is_of_a_row(answer) else CATALOG_LOST


def _items(db: Database, vectors: VectorSpace) -> Iterator[Finding]:
    """Each item's row is committed, nobody else's, in the order of ids, and not dead."""
    space = vectors.required()
    rows = living_rows(db, vectors)
    wrong = {
        "beyond the committed ones": rows[rows >= space.rows],
        "of which another one's is the same": rows[_repeated(rows)],
        "that are dead": np.intersect1d(rows, vectors.dead()),
    }
    for what, found in wrong.items():
        if len(found):
            yield Finding(
                f"{len(found)} of {space.items} have embeddings in rows {what}: {_runs(found)}",
                CATALOG_LOST,
            )
    if (np.diff(rows) < 0).any():
        yield Finding(f"rows of {space.items} do not ascend with their ids", CATALOG_LOST)
    nobodys = np.ones(space.rows, np.bool_)
    for used in (rows, vectors.dead()):
        nobodys[used[used < space.rows]] = False
    if nobodys.any():
        yield Finding(
            f"{int(nobodys.sum())} embeddings are of none of {space.items}: "
            f"rows {_runs(np.flatnonzero(nobodys))}",
            "Run: retrieve compact",
        )


def _rows(db: Database, vectors: VectorSpace) -> Iterator[Finding]:
    space, gallery = vectors.required(), vectors.there()
    file = vectors.file(space).path
    if len(gallery) < space.rows:
        there = "is missing" if size_bytes(file) is None else f"holds {len(gallery):,}"
        yield Finding(f"of {space.rows:,} embeddings {file.name} {there}", REPAIR)
    every = segments.segments(db, vectors.name)
    expected = list(range(0, space.rows, SEGMENT_ROWS))
    rows = sum(one.rows for one in every)
    if [one.first for one in every] != expected or rows != space.rows:
        yield Finding(f"the catalog lacks checksums of {file.name}", CATALOG_LOST)
        return
    found = suspects(db, vectors)
    bad = [np.arange(one.first, one.first + one.rows) for one in found.damaged]
    if bad:
        yield Finding(
            f"{len(bad)} of {len(every)} segments of {file.name} do not hold what was written: "
            f"rows {_runs(np.concatenate(bad))}",
            REPAIR,
        )
    if len(found.odd):
        yield Finding(
            f"embeddings of {file.name} are not of length 1: rows {_runs(found.odd)}", REPAIR
        )
    if len(found.left):
        yield Finding(
            f"deleted embeddings of {file.name} are not overwritten: rows {_runs(found.left)}",
            REPAIR,
        )


def _index(db: Database, folder: Path, vectors: VectorSpace) -> Iterator[Finding]:
    space = vectors.required()
    file = Engine(db, folder, vectors).recorded()
    if file is None:
        if wants_index(space.rows, space.dim):
            yield Finding(f"{space.name} has no search index: every row is scored", REPAIR)
        return
    try:
        if cache.read(folder / CACHE_FOLDER, file, space.dim) is None:
            yield Finding(f"the search index {CACHE_FOLDER}/{file.name} is missing", REPAIR)
    except CollectionError as error:
        yield Finding(f"the search index is damaged: {error}", REPAIR)


def words_agree(db: Database) -> bool:
    """Whether the index of words holds the passages that are there, and can be read.

    FTS5 compares the two as a writer only: where nothing can be written, or another process is
    writing now, it is looked at whether there are the same passages in both.
    """
    waits_ms = pragma(db, "busy_timeout")
    db.execute("PRAGMA busy_timeout = 0")
    try:
        db.execute("INSERT INTO stems (stems, rank) VALUES ('integrity-check', 0)")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY):
            return False
    finally:
        db.execute(f"PRAGMA busy_timeout = {waits_ms}")
    ids = "SELECT id FROM passages EXCEPT SELECT id FROM stems_docsize"
    more = "SELECT id FROM stems_docsize EXCEPT SELECT id FROM passages"
    both = f"SELECT * FROM ({ids}) UNION ALL SELECT * FROM ({more})"
    try:
        return not (db.execute(both).fetchone() or sums.damaged(db, sums.WORDS))
    except sqlite3.DatabaseError:
        return False


def _words(db: Database) -> Iterator[Finding]:
    if not words_agree(db):
        yield Finding("the index of words is not that of the passages", REPAIR)


def _said(db: Database) -> Iterator[Finding]:
    """What people said holds."""
    if any(sums.damaged(db, table) for table in ("statements", "faces", "persons", "contents")):
        return  # which is told by itself
    faces = disagreeing(db)
    if faces:
        yield Finding(
            f"of {len(faces)} faces something else was said than holds: {_runs(faces)}",
            REPAIR,
        )


def _leftovers(vectors: VectorSpace) -> Iterator[Finding]:
    for path in vectors.leftovers():
        yield Finding(f"{path.name} is of another generation", NEXT_WRITER, wrong=False)
    space = vectors.required()
    path = vectors.file(space).path
    behind = (size_bytes(path) or 0) - space.rows * space.dim * 4
    if behind > 0:
        yield Finding(
            f"{behind:,} bytes in {path.name} stand behind its last embedding",
            "A writer is at work, or one died: the next one overwrites them",
            wrong=False,
        )
    dying = len(vectors.dying())
    if dying:
        yield Finding(f"{dying} deleted embeddings of {space.name} are not overwritten yet", REPAIR)


def _halfway(db: Database, folder: Path) -> Iterator[Finding]:
    on_its_way = halfway(db, folder)
    if on_its_way is not None:
        held = VectorSpace(db, folder, FACES).required().made_by
        yield Finding(
            f"the collection moves to {on_its_way.made_by['embedder']} and "
            f"{on_its_way.made_by['detector']}: of {on_its_way.of:,} faces {on_its_way.faces:,} "
            f"are embedded; until all are, {held['embedder']} is searched",
            f"To go on: retrieve reembed; to leave it: retrieve reembed --model {held['embedder']}",
            wrong=False,
        )


def _unfinished_elsewhere(folder: Path) -> Iterator[Finding]:
    """Backups, exports and pages that a process which died was making."""
    for left in left_of(folder):
        if left.whole:
            yield Finding(
                f"{left.folder} holds a whole collection, as a restore that died may have left it",
                f"Look at it: retrieve info --collection '{left.folder}'; and remove the folder if "
                "nobody needs it",
                wrong=False,
            )
        elif left.reachable:
            yield Finding(
                f"{left.folder} holds what a process that died was making of the collection",
                "The next command that writes removes it",
                wrong=False,
            )
        else:
            yield Finding(
                f"a process that died was making {left.folder}, which cannot be reached now",
                f"When its disk is there again the next command that writes removes it; if it is "
                f"gone for good: rm '{left.note}'",
                wrong=False,
            )


def _unfinished(db: Database, folder: Path) -> list[Finding]:
    unowned_files = [f"{CACHE_FOLDER}/{path.name}" for path in unowned(db, folder)]
    unowned_files += [path.name for path in unowned_vectors(db, folder)]
    findings = [
        Finding(f"{name} belongs to nothing", NEXT_WRITER, wrong=False) for name in unowned_files
    ]
    if traces.pending(db):
        findings.append(TRACES_LEFT)
    return findings


def living_rows(db: Database, vectors: VectorSpace) -> NDArray[np.int64]:
    """The items' rows in the order of ids; raises CollectionError where one is no number."""
    items = vectors.required().items.replace('"', '""')
    found = db.execute(f'SELECT row FROM "{items}" ORDER BY id').fetchall()
    try:
        return np.array(found, np.int64).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise sums.torn(vectors.required().items) from error


def _repeated(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    _, place, count = np.unique(rows, return_inverse=True, return_counts=True)
    repeated: NDArray[np.bool_] = count[place] > 1
    return repeated


def _runs(numbers: NDArray[np.int64] | Sequence[int]) -> str:
    """Ascending numbers as 3–7, 9 and 3 more ranges."""
    numbers = np.unique(numbers)
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs[:TOLD]]
    more = f" and {len(runs) - TOLD} more ranges" if len(runs) > TOLD else ""
    return ", ".join(shown) + more
