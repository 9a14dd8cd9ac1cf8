"""What there is while a collection's faces move to other networks.

A second space, `staged_faces`, grows beside the one that is searched: its file of vectors, its
checksums and its dead rows are kept as those of any space. Its items say which face each vector
is of, or all about a face that another detector has found. A face without an item is still to be
embedded. Nothing of it is searched; one transaction puts it in the old space's place
(switching.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.faces.detection.recipe import KEY
from retrieve.indexes.catalog.database import among, writing
from retrieve.indexes.catalog.filters import FACES
from retrieve.indexes.vectors.spaces import STAGED, Space, VectorSpace
from retrieve.types import Embeddings

STAGED_FACES = STAGED + FACES
BLOCK_ROWS = 1 << 15  # written at a time: 16 MB of 128-d rows, flushed
# Faces without an item, and photos that another detector has not looked at.
UNSTAGED = "NOT EXISTS (SELECT 1 FROM staged_faces WHERE staged_faces.face_id = faces.id)"
WANTING = f"EXISTS (SELECT 1 FROM faces WHERE content_id = contents.id AND {UNSTAGED})"
UNSEEN = "NOT EXISTS (SELECT 1 FROM staged_photos WHERE content_id = contents.id)"


@dataclass(frozen=True, slots=True)
class Halfway:
    """How far a collection is on its way to other networks.

    space  that is being made
    faces  of the collection that are in it, of `of`
    anew   photos are looked at anew, by another detector
    """

    space: Space
    faces: int
    of: int
    anew: bool

    @property
    def made_by(self) -> dict[str, str]:
        return self.space.made_by


def staged_faces(db: Database, folder: Path) -> VectorSpace:
    """The space that is being made, if there is one."""
    return VectorSpace(db, folder, STAGED_FACES)


def halfway(db: Database, folder: Path) -> Halfway | None:
    """How far the collection is; None if it is not on its way."""
    space = staged_faces(db, folder).space()
    if space is None:
        return None
    (of,) = db.execute("SELECT count(*) FROM faces").fetchone()
    (faces,) = db.execute("SELECT count(face_id) FROM staged_faces").fetchone()
    held = VectorSpace(db, folder, FACES).required()
    return Halfway(space, faces, of, is_anew(held.made_by, space.made_by))


def is_anew(held: dict[str, str], wanted: dict[str, str]) -> bool:
    """Whether photos are looked at by another detector than the collection's, or otherwise."""
    return any(held.get(name) != wanted.get(name) for name in ("detector", "detector_sha256", KEY))


def todo(anew: bool) -> str:
    """SQL for the photos that are still to be read."""
    return f"kind = 'photo' AND ({WANTING} OR {UNSEEN})" if anew else WANTING


# Changes, inside a write transaction


def begin(db: Database, folder: Path, made_by: dict[str, str], dim: int) -> None:
    """Begin the space, in place of one of other networks."""
    vectors = staged_faces(db, folder)
    before = vectors.space()
    drop(db)
    # The file of the space before may still be there: it is unlinked after the commit.
    generation = 0 if before is None else before.generation + 1
    vectors.create(Space(STAGED_FACES, STAGED_FACES, made_by, dim, generation=generation))


def drop(db: Database) -> None:
    """Let everything go that is staged; the file of vectors is then nobody's."""
    db.execute("DELETE FROM staged_faces")
    db.execute("DELETE FROM staged_photos")
    for table in ("segments", "dead", "caches"):
        db.execute(f"DELETE FROM {table} WHERE space = ?", [STAGED_FACES])
    db.execute("DELETE FROM spaces WHERE name = ?", [STAGED_FACES])


def items_of(
    db: Database, *, contents: Iterable[int] = (), faces: Iterable[int] = ()
) -> list[tuple[int, int]]:
    """(id, row) of what is staged of some photos, and of some faces."""
    found = dict(among(db, "SELECT id, row FROM staged_faces WHERE content_id", contents))
    found |= dict(among(db, "SELECT id, row FROM staged_faces WHERE face_id", faces))
    return sorted(found.items())


def remove(
    db: Database, folder: Path, items: list[tuple[int, int]], contents: Iterable[int] = ()
) -> None:
    """Take items out, their vectors to be overwritten, and photos that are to be gone."""
    if items:
        staged_faces(db, folder).kill(row for _, row in items)
        db.conn.executemany("DELETE FROM staged_faces WHERE id = ?", ([id] for id, _ in items))
    db.conn.executemany("DELETE FROM staged_photos WHERE content_id = ?", ([id] for id in contents))


def heal(db: Database, folder: Path) -> int:
    """Take out what is damaged: it is embedded again; returns how many segments that were."""
    vectors = staged_faces(db, folder)
    if vectors.space() is None or not vectors.damaged():
        return 0
    with writing(db):
        if vectors.space() is None:
            return 0
        damaged = vectors.damaged()
        for segment in damaged:
            rows = [segment.first, segment.first + segment.rows - 1]
            inside = "(SELECT content_id FROM staged_faces WHERE row BETWEEN ? AND ?)"
            db.execute(f"DELETE FROM staged_photos WHERE content_id IN {inside}", rows)
            db.execute(f"DELETE FROM staged_faces WHERE content_id IN {inside}", rows)
        vectors.wipe_now()
        found = db.execute("SELECT row FROM staged_faces ORDER BY id").fetchall()
        vectors.begin_generation(blocks(vectors.there(), np.array(found, np.int64).reshape(-1)))
        renumber(db, "id")
    vectors.remove_leftovers()
    return len(damaged)


def blocks(gallery: Embeddings, rows: NDArray[np.int64]) -> Iterator[Embeddings]:
    """Some rows of a gallery in another order, a part at a time."""
    for start in range(0, len(rows), BLOCK_ROWS):
        yield np.array(gallery[rows[start : start + BLOCK_ROWS]])


def renumber(db: Database, order: str) -> None:
    """Let the rows of what is staged be 0, 1, 2, … in an order."""
    db.execute(
        "UPDATE staged_faces SET row = place FROM (SELECT id AS item, row_number() OVER "
        f"(ORDER BY {order}) - 1 AS place FROM staged_faces) WHERE id = item"
    )
