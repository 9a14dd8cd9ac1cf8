"""The switch: what is staged takes the old space's place, in one transaction.

The new vectors are written once more, in the order of the faces' ids, as any generation of a
vector file holds them, and the catalog points to them as it commits. Whoever reads the old file
keeps it until he is done.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieve.indexes.catalog.contents import PICTURE
from retrieve.indexes.opened import Opened
from retrieve.indexes.people import statements
from retrieve.indexes.reembedding.staged import blocks, drop, renumber, staged_faces
from retrieve.indexes.search import traces


@dataclass(frozen=True, slots=True)
class Switched:
    """What became of the faces.

    faces          there are now
    from_photos, from_pictures
                   of them, by what they were embedded from
    filled         of those from pictures, how many reached beyond theirs
    found          known faces that another detector found again
    new            faces that nobody had found before
    kept           faces that it did not find again, kept for what a person said of them
    gone           faces that it did not find again, and of which nobody said anything
    left_out       faces of which there was nothing to embed
    """

    faces: int = 0
    from_photos: int = 0
    from_pictures: int = 0
    filled: int = 0
    found: int = 0
    new: int = 0
    kept: int = 0
    gone: int = 0
    left_out: int = 0


def switch(opened: Opened) -> Switched:
    """Let the collection be of its new networks; call inside a write transaction.

    Every face that stays is staged and sound. Afterwards traces.finish() unlinks what was.
    """
    db, faces, staged = opened.db, opened.faces, staged_faces(opened.db, opened.path)
    unsaid = "(SELECT id FROM faces WHERE by IS NOT 'human' AND NOT not_a_face)"
    gone = db.execute(f"DELETE FROM staged_faces WHERE lost AND face_id IN {unsaid}").rowcount
    (before,) = db.execute("SELECT count(*) FROM faces").fetchone()
    counts = db.execute(
        "SELECT count(*), coalesce(sum(source = 'photo'), 0), coalesce(sum(filled), 0), "
        "count(face_id), coalesce(sum(lost), 0), coalesce(sum(x1 IS NOT NULL), 0) "
        "FROM staged_faces"
    ).fetchone()
    every, from_photos, filled, known, kept, seen = map(int, counts)
    faces.wipe_now()  # what was forgotten, in the file that is about to go
    rows = db.execute("SELECT row FROM staged_faces ORDER BY face_id IS NULL, face_id, id")
    order = np.array(rows.fetchall(), np.int64).reshape(-1)
    faces.begin_generation(blocks(staged.gallery(), order), like=staged.required())
    renumber(db, "face_id IS NULL, face_id, id")
    _put_faces(opened)
    statements.apply(db)
    db.execute(
        "UPDATE contents SET turn = new.turn FROM staged_photos AS new "
        "WHERE new.content_id = contents.id AND new.turn IS NOT NULL"
    )
    opened.engine.disown()
    drop(db)
    traces.mark(db)  # boxes and pictures that were, and what was staged, in the catalog's file
    return Switched(
        faces=every,
        from_photos=from_photos,
        from_pictures=every - from_photos,
        filled=filled,
        found=seen - (every - known),
        new=every - known,
        kept=kept,
        gone=gone,
        left_out=before - known - gone,
    )


def _put_faces(opened: Opened) -> None:
    """Rows, and where another detector looked all else, from what is staged."""
    db = opened.db
    staged = "(SELECT face_id FROM staged_faces WHERE face_id IS NOT NULL)"
    db.execute(f"DELETE FROM crops WHERE face_id NOT IN {staged}")
    db.execute(f"DELETE FROM faces WHERE id NOT IN {staged}")
    columns = ("number", "x1", "y1", "x2", "y2", "landmarks", "score", "quality")
    taken = ", ".join(f"{one} = coalesce(new.{one}, faces.{one})" for one in columns)
    db.execute(
        f"UPDATE faces SET row = new.row, {taken} "
        "FROM staged_faces AS new WHERE new.face_id = faces.id"
    )
    listed = ", ".join(columns)
    db.execute(
        f"INSERT INTO faces (row, content_id, {listed}) "
        f"SELECT row, content_id, {listed} FROM staged_faces WHERE face_id IS NULL ORDER BY id"
    )
    db.execute(
        "INSERT OR REPLACE INTO crops (face_id, jpeg, shows) "
        "SELECT faces.id, new.jpeg, ? FROM staged_faces AS new JOIN faces ON faces.row = new.row "
        "WHERE new.jpeg IS NOT NULL",
        [PICTURE],
    )
