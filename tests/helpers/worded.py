"""The same texts and photos with captions in one collection and, by shards, in a cluster.

What is stored is written as indexing writes it. A shard holds a run of the files by their paths,
and the collection all of them in that order, so that the rows of both stand alike.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretend
import small

from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.cluster.manifest import SHARDS, create_manifest, open_manifest
from retrieve.indexes.collection import Collection
from retrieve.indexes.search.texts import Placed
from retrieve.networks.own import weights_of
from retrieve.pictures.embedding.shown import Class, Shown
from retrieve.text.stemming import stems
from retrieve.types import Document, Embeddings, Face, Passage


class Encoder:
    """Texts that share words have like embeddings: the mean of the words'."""

    name, dim, weights_sha256 = "bag", 24, "44" * 32

    def covers(self, text: str) -> bool:
        return any(letter.isalnum() for letter in text)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        rows = np.array([self._row(text) for text in texts], np.float32).reshape(-1, self.dim)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def _row(self, text: str) -> np.ndarray:
        words = sorted({*stems(text), "a"})
        seeds = [list(hashlib.sha256(word.encode()).digest()) for word in words]
        return sum(np.random.default_rng(seed).normal(size=self.dim) for seed in seeds)


@dataclass
class Item:
    """A text, or a photo with faces of persons, and what is said in it or of it.

    gone  its file is there no more
    """

    path: str
    passages: Sequence[Passage]
    title: str = ""
    taken_at: str | None = None
    place: tuple[float, float] | None = None
    persons: Sequence[int] = ()
    classes: Sequence[tuple[int, float]] = ()
    gone: bool = False

    @property
    def is_photo(self) -> bool:
        return self.path.endswith(".jpg")


def fill(collection: Collection, items: Sequence[Item], names: Mapping[int, str | None]) -> None:
    """Store items; of the persons only those who have a face here."""
    catalog, db = collection.catalog, collection.db
    with writing(db):
        for id in sorted({one for item in items for one in item.persons}):
            add_person(db, names.get(id), id=id)
        for item in items:
            sha256 = hashlib.sha256(item.path.encode()).hexdigest()
            found = Found(Path(item.path), 5, 1, 1)
            path_id = None
            if item.is_photo:
                photo = NewPhoto(sha256, 9, (10, 20), item.taken_at, (), item.place)
                content_id = catalog.add_photo(photo)
                path_id = catalog.put_path(found, content_id=content_id, reason=None)
                _add_faces(collection, content_id, item)
            else:
                document = Document(
                    found.path, sha256, 9, tuple(item.passages), item.title, item.taken_at
                )
                content_id = catalog.add_text(document)
                catalog.put_path(found, content_id=content_id, reason=None, names=found.path.stem)
            (embedded,) = collection.texts.embed([item.passages])
            called = collection.texts.passages.called(content_id)
            collection.texts.store([Placed(content_id, path_id, called, embedded)])
            if item.gone:
                db.execute("UPDATE paths SET gone = 1 WHERE path = ?", [item.path])
                catalog.set_live([content_id])


def _add_faces(collection: Collection, content_id: int, item: Item) -> None:
    for i, person in enumerate(item.persons):
        row = collection.faces.append(pretend.embedding(f"{item.path}:{i}"))
        face = Face(np.array([i, 0, i + 9, 9], np.float32), np.zeros((5, 2), np.float32), 0.9)
        id = collection.catalog.add_face(row, content_id, i + 1, face, 0.5)
        collection.catalog.add_crop(id, pretend.picture(item.path))
        collection.db.execute("UPDATE faces SET person_id = ? WHERE id = ?", [person, id])
    if item.classes:
        (row_of_all,) = pretend.embedding(item.path)
        shown = Shown(row_of_all, tuple(Class(*one) for one in item.classes))
        collection.pictures.store([(content_id, shown)], small.PICTURES_MADE_BY)


def make(
    folder: Path,
    shards: Mapping[int, Sequence[Item]],
    names: Mapping[int, str | None],
    encoder: Encoder,
) -> tuple[Path, Path]:
    """Where a collection is that holds the items of all shards, and where the cluster.

    shards  by number, in the order of their paths
    """
    one, many = folder / "one", folder / "many"
    with opened(one, encoder) as collection:
        fill(collection, [item for items in shards.values() for item in items], names)
    many.mkdir()
    create_manifest(many).close()
    manifest = open_manifest(many)
    with manifest.coordinating():
        for place, (number, items) in enumerate(shards.items()):
            where = Path(SHARDS, f"{number:04}")
            with opened(many / where, encoder) as shard:
                fill(shard, items, names)
            first = os.fsencode(items[0].path) if place and items else b""
            with manifest.writing():
                manifest.add_shard(number, first, where)
        with manifest.writing():
            made_by = {
                "encoder": encoder.name,
                "encoder_sha256": weights_of(encoder),
                "language": "es",
            }
            manifest.hold_space("passages", made_by, encoder.dim)
            manifest.hold_space("faces", small.MADE_BY, pretend.Embedder.dim)
    manifest.close()
    return one, many


def opened(folder: Path, encoder: Encoder) -> Collection:
    """A collection whose texts are embedded so."""
    collection = small.opened(folder)
    collection.texts.use(encoder)
    return collection
