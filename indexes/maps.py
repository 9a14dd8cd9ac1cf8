"""What a map is drawn of: the embeddings of a space, or of words, with what each one is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexes.catalog import StoredFace
from indexes.collection import Collection
from indexes.database import VARIABLES
from indexes.filters import EVERYTHING, FACES, Filter, findable
from indexes.paths import path_of
from indexes.spaces import VectorSpace, every_space
from indexes.words import WordIndex
from retrieval.errors import BadInput, CollectionError
from retrieval.projection import sample
from retrieval.types import Embeddings

PLACES = ("page", "line", "record", "time_s")  # columns that say where a passage stands
LENGTH_WITHIN = 1e-3  # of 1; a row that is being overwritten has the length 0


@dataclass(frozen=True, slots=True)
class Item:
    """What one embedding is of.

    text      of a passage, or the word; "" for a face
    path      a file that holds it; None for a word
    place     where in the file: "face 2", "page 3"
    person    the name that somebody gave to the face
    taken_at  ISO 8601, or None
    face_id   of a face
    """

    text: str = ""
    path: Path | None = None
    place: str = ""
    person: str | None = None
    taken_at: str | None = None
    face_id: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """N embeddings to be drawn.

    embeddings  (N, D) float32 unit rows
    items       what each of them is of
    of          how many there were to choose from
    notes       what the owner should know: words taken for others, rows left out
    """

    embeddings: Embeddings
    items: tuple[Item, ...]
    of: int
    notes: tuple[str, ...] = ()


def points_of(
    collection: Collection,
    space: str = FACES,
    *,
    wanted: Filter = EVERYTHING,
    most: int,
    seed: int = 0,
) -> Points:
    """The living embeddings of a space, `most` of them drawn by the seed where there are more.

    wanted  conditions on faces
    raises  CollectionError if nothing of that kind was stored, BadInput for a space that there
            is not or for conditions on what is no face
    """
    opened = VectorSpace(collection.db, collection.path, space)

    def look() -> Points:
        if opened.space() is None:
            raise _nothing(collection, space)
        gallery = opened.gallery()
        rows = _living(collection, opened, len(gallery), wanted)
        chosen = rows[sample(len(rows), most, seed)]
        embeddings = np.array(gallery[chosen], np.float32)
        whole = np.abs(np.linalg.norm(embeddings, axis=1) - 1) < LENGTH_WITHIN
        items = _items(collection, opened, chosen[whole])
        lost = int(np.count_nonzero(~whole))
        notes = (f"{lost} embeddings were left out as damaged: retrieve check",) if lost else ()
        return Points(embeddings[whole], items, len(rows), notes)

    return collection.consistently(look)


def points_of_words(index: WordIndex, words: Sequence[str], *, most: int) -> Points:
    """The vectors of words, or without words those of the most frequent ones.

    raises  BadInput for an unknown word
    """
    vectors = index.vectors
    if not words:
        chosen = range(min(most, len(vectors)))
        items = tuple(Item(vectors.word(row)) for row in chosen)
        return Points(vectors.vectors(chosen), items, len(vectors))
    found = [vectors.find(word) for word in dict.fromkeys(words)]
    notes = tuple(one.note for one in found if one.note)
    items = tuple(Item(one.word) for one in found[:most])
    return Points(vectors.embed(found[:most]), items, len(found), notes)


def _living(
    collection: Collection, space: VectorSpace, rows: int, wanted: Filter
) -> NDArray[np.int64]:
    """The rows that may be shown, ascending."""
    if space.name == FACES:
        keep = findable(collection.db, rows, wanted)
        return np.arange(rows) if keep is None else np.flatnonzero(keep)
    if wanted != EVERYTHING:
        raise BadInput(f"conditions choose faces; leave them out for a map of {space.name}")
    table = collection.db[space.required().items]
    living = (
        f"JOIN contents ON contents.id = [{table.name}].content_id WHERE live AND"
        if "content_id" in table.columns_dict
        else "WHERE"
    )
    found = collection.db.execute(
        f"SELECT row FROM [{table.name}] {living} row < ? ORDER BY row", [rows]
    )
    return np.array([row for (row,) in found], np.int64)


def _items(collection: Collection, space: VectorSpace, rows: NDArray[np.int64]) -> tuple[Item, ...]:
    if space.name == FACES:
        faces = collection.catalog.faces_at(rows.tolist())
        return tuple(_face(faces[row]) for row in rows.tolist())
    found = dict(_described(collection, space, rows))
    return tuple(found[row] for row in rows.tolist())


def _described(
    collection: Collection, space: VectorSpace, rows: NDArray[np.int64]
) -> Iterator[tuple[int, Item]]:
    """Row and item of what is no face, from what columns the items' table has."""
    table = collection.db[space.required().items]
    has = table.columns_dict
    columns = [name if name in has else "NULL" for name in (*PLACES, "text", "path_id")]
    content = "content_id" in has
    query = (
        f"SELECT row, {', '.join(columns)}, {'taken_at' if content else 'NULL'}, "
        f"{'content_id' if content else 'NULL'} FROM [{table.name}] "
        f"{f'JOIN contents ON contents.id = [{table.name}].content_id' if content else ''}"
    )
    for start in range(0, len(rows), VARIABLES):
        part = rows[start : start + VARIABLES].tolist()
        marks = ",".join("?" * len(part))
        for row, *places, text, path_id, taken_at, content_id in collection.db.execute(
            f"{query} WHERE row IN ({marks})", part
        ).fetchall():
            said = [
                f"{name.removesuffix('_s')} {value:g}{' s' if name.endswith('_s') else ''}"
                for name, value in zip(PLACES, places, strict=True)
                if value is not None
            ]
            path = _path(collection, path_id, content_id)
            yield row, Item(text or "", path, ", ".join(said), taken_at=taken_at)


def _path(collection: Collection, path_id: int | None, content_id: int | None) -> Path | None:
    """The path itself, or the first living file of a content."""
    row = (
        collection.db.execute(
            "SELECT path FROM paths WHERE id = ? OR (? IS NULL AND content_id = ?) "
            "ORDER BY gone, id LIMIT 1",
            [path_id, path_id, content_id],
        ).fetchone()
        if (path_id, content_id) != (None, None)
        else None
    )
    return None if row is None else path_of(row[0])


def _face(stored: StoredFace) -> Item:
    return Item(
        path=stored.path,
        place=f"face {stored.number}",
        person=stored.person,
        taken_at=stored.taken_at,
        face_id=stored.id,
    )


def _nothing(collection: Collection, space: str) -> CollectionError | BadInput:
    there = [one.name for one in every_space(collection.db, collection.path)]
    if not there:
        return CollectionError(
            f"nothing was indexed into {collection.path} yet: retrieve index FOLDER"
        )
    return BadInput(f"{collection.path} has no space {space!r}; it has: {', '.join(there)}")
