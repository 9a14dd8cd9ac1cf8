"""What a map is drawn of: the embeddings of a space, or of words, with what each one is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.contents import StoredFace
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, PICTURES, Filter, findable
from retrieve.indexes.catalog.passages import Passages, StoredPassage
from retrieve.indexes.collection import Collection
from retrieve.indexes.vectors.spaces import VectorSpace, searched_spaces
from retrieve.indexes.vectors.trusted import Verdicts
from retrieve.indexes.words.stores import WordIndex
from retrieve.projection.project import sample
from retrieve.types import Embeddings, PictureHit

WORDS = "words"
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

    kind        of all of them: the space's name, or "words"
    embeddings  (N, D) float32 unit rows
    items       what each of them is of
    of          how many there were to choose from
    notes       what the owner should know: words taken for others, rows left out
    """

    kind: str
    embeddings: Embeddings
    items: tuple[Item, ...]
    of: int
    notes: tuple[str, ...] = ()


def points_of(
    collection: Collection,
    space: str | None = None,
    *,
    wanted: Filter = EVERYTHING,
    most: int,
    seed: int = 0,
) -> Points:
    """The living embeddings of a space, `most` of them drawn by the seed where there are more.

    space   None is that of faces, or of passages where there are no faces
    raises  CollectionError if nothing was stored, BadInput for a space that there is not
    """

    def look() -> Points:
        opened = _space(collection, space)
        stored = opened.required()
        gallery = opened.gallery()
        keep = findable(collection.db, len(gallery), wanted, items=stored.items)
        rows = np.arange(len(gallery)) if keep is None else np.flatnonzero(keep)
        chosen = rows[sample(len(rows), most, seed)]
        embeddings = np.array(gallery[chosen], np.float32)
        whole = Verdicts().sound(opened, stored, gallery, chosen)
        whole &= np.abs(np.linalg.norm(embeddings, axis=1) - 1) < LENGTH_WITHIN
        items = _items(collection, stored.items, chosen[whole])
        lost = int(np.count_nonzero(~whole))
        notes = (f"{lost} embeddings were left out as damaged: retrieve check",) if lost else ()
        return Points(opened.name, embeddings[whole], items, len(rows), notes)

    return collection.opened.consistently(look)


def points_of_words(index: WordIndex, words: Sequence[str], *, most: int) -> Points:
    """The vectors of words, or without words those of the most frequent ones.

    raises  BadInput for an unknown word
    """
    vectors = index.vectors
    if not words:
        chosen = range(min(most, len(vectors)))
        items = tuple(Item(vectors.word(row)) for row in chosen)
        return Points(WORDS, vectors.vectors(chosen), items, len(vectors))
    found = [vectors.find(word) for word in dict.fromkeys(words)]
    notes = tuple(one.note for one in found if one.note)
    items = tuple(Item(one.word) for one in found[:most])
    return Points(WORDS, vectors.embed(found[:most]), items, len(found), notes)


def _items(collection: Collection, items: str, rows: NDArray[np.int64]) -> tuple[Item, ...]:
    if items == FACES:
        faces = collection.catalog.faces_at(rows.tolist())
        return tuple(_face(faces[row]) for row in rows.tolist())
    if items == PICTURES:
        contents = collection.pictures.shown.contents_at(rows.tolist())
        photos = collection.catalog.photos(contents.values())
        return tuple(_picture(photos.get(contents[row])) for row in rows.tolist())
    passages = Passages(collection.db).at(rows.tolist())
    return tuple(_passage(passages[row]) for row in rows.tolist())


def _face(stored: StoredFace) -> Item:
    return Item(
        path=stored.path,
        place=f"face {stored.number}",
        person=stored.person,
        taken_at=stored.taken_at,
        face_id=stored.id,
    )


def _picture(stored: PictureHit | None) -> Item:
    """A whole photo; one whose file was replaced has no path that could be shown."""
    return Item() if stored is None else Item(path=stored.path, taken_at=stored.taken_at)


def _passage(stored: StoredPassage) -> Item:
    said = stored.passage
    places = {"page": said.page, "line": said.line, "record": said.record, "second": said.time_s}
    place = ", ".join(f"{name} {at:g}" for name, at in places.items() if at is not None)
    return Item(said.text, stored.path, place, taken_at=stored.taken_at)


def _space(collection: Collection, name: str | None) -> VectorSpace:
    there = {one.name: one for one in searched_spaces(collection.db, collection.path)}
    if not there:
        raise CollectionError(
            f"nothing was indexed into {collection.path} yet: retrieve index FOLDER"
        )
    held = [one.name for one in there.values() if one.required().rows]
    chosen = name or (held or [*there])[0]  # they are in order: faces, passages
    if chosen not in there:
        raise BadInput(f"{collection.path} has no space {chosen!r}; it has: {', '.join(there)}")
    return there[chosen]
