"""The same photos in one collection and, by shards, in a cluster: made faces, no network.

What is stored is written as indexing writes it, shard by shard, and the collection has the shards'
photos in that order, so that the rows of both stand alike.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pretend
import small

from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.extract import PhotoFaces
from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.cluster.cluster import Cluster, open_cluster
from retrieve.indexes.cluster.manifest import SHARDS, create_manifest, open_manifest
from retrieve.indexes.collection import Collection
from retrieve.pictures.embedding.shown import Class, Shown
from retrieve.types import Embeddings, Face, Photo

DIM = pretend.Embedder.dim


@dataclass
class Made:
    """A photo: its faces, whose each is (None: nobody's) and how good; what it shows as a whole."""

    path: str
    faces: Embeddings
    persons: Sequence[int | None]
    quality: Sequence[float]
    taken_at: str | None = None
    place: tuple[float, float] | None = None
    whole: np.ndarray | None = None
    classes: Sequence[tuple[int, float]] = ()
    gone: bool = False
    not_faces: Sequence[int] = field(default=())

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.encode()).hexdigest()


def fill(collection: Collection, photos: Sequence[Made], names: dict[int, str | None]) -> None:
    """Store photos; of the persons only those who have a face here."""
    catalog, db = collection.catalog, collection.db
    with writing(db):
        held = {one for photo in photos for one in photo.persons if one is not None}
        for id in sorted(held):
            add_person(db, names.get(id), id=id)
        looked = []
        for photo in photos:
            content_id = catalog.add_photo(
                NewPhoto(photo.sha256, 9, (10, 20), photo.taken_at, (), photo.place)
            )
            if len(photo.faces):
                row = collection.faces.append(photo.faces)
            for i, person in enumerate(photo.persons):
                id = catalog.add_face(row + i, content_id, i + 1, _face(i), photo.quality[i])
                catalog.add_crop(id, pretend.picture(f"{photo.path}:{i + 1}"))
                db.execute("UPDATE faces SET person_id = ? WHERE id = ?", [person, id])
                if i in photo.not_faces:
                    db.execute("UPDATE faces SET not_a_face = 1 WHERE id = ?", [id])
            found = Found(Path(photo.path), 5, 1, 1)
            path_id = catalog.put_path(found, content_id=content_id, reason=None)
            if photo.gone:
                db.execute("UPDATE paths SET gone = 1 WHERE id = ?", [path_id])
                catalog.set_live([content_id])
            if photo.whole is not None:
                classes = tuple(Class(*one) for one in photo.classes)
                looked.append((content_id, Shown(photo.whole, classes)))
        collection.pictures.store(looked, small.PICTURES_MADE_BY)


def make(
    folder: Path, shards: Sequence[Sequence[Made]], names: dict[int, str | None]
) -> tuple[Path, Path]:
    """Where a collection is that holds the photos of all shards, and where the cluster."""
    one, many = folder / "one", folder / "many"
    with small.opened(one) as collection:
        fill(collection, [photo for photos in shards for photo in photos], names)
    many.mkdir()
    create_manifest(many).close()
    manifest = open_manifest(many)
    with manifest.coordinating():
        for number, photos in enumerate(shards):
            where = Path(SHARDS, f"{number:04}")
            with small.opened(many / where) as shard:
                fill(shard, photos, names)
            with manifest.writing():
                manifest.add_shard(number, str(number).encode() if number else b"", where)
        with manifest.writing():
            manifest.hold_space("faces", small.MADE_BY, DIM)
            if any(photo.whole is not None for photos in shards for photo in photos):
                manifest.hold_space("pictures", small.PICTURES_MADE_BY, DIM)
    manifest.close()
    return one, many


class Networks:
    """In every photo are the faces that it holds as rows."""

    def __init__(self, rows: Embeddings, quality: Sequence[float], sha256: str = "") -> None:
        self.rows, self.quality, self.sha256 = rows, quality, sha256
        self.embedder = self.reading = self.pictures = self

    def begin(self): ...

    def follow(self, made_by): ...

    def check(self, space): ...

    def of(self, read):
        return lambda side_px: self._photo()

    def look(self, pixels):
        return [Shown(self.rows[0], ())]

    def embed(self, crops):
        return self.rows[crops[:, 0, 0, 0]]

    def extract(self, read):
        N = len(self.rows)
        crops = np.zeros((N, 4, 4, 3), np.uint8)
        crops[:, 0, 0, 0] = np.arange(N)
        faces = [_face(i) for i in range(N)]
        return PhotoFaces(self._photo(), faces, (crops,), crops, np.array(self.quality, np.float32))

    def _photo(self):
        return Photo(None, np.zeros((9, 9, 3), np.uint8), (9, 9), self.sha256, 0)


def asking(networks: Networks, *collections: Collection) -> None:
    """Let photos that are asked for be seen so."""
    for one in collections:
        one.networks = networks


class Travelling:
    """An engine whose questions and answers go as they would to other processes and back."""

    def __init__(self, engine, servers=None):
        self._engine, self._servers = engine, servers

    def serve(self, folders, *, copy=0):
        return Travelling(self._engine, self._engine.serve(folders, copy=copy))

    @property
    def folders(self):
        return self._servers.folders

    @property
    def shards(self):
        return self._servers.shards

    def ask(self, question, *args, **options):
        question, args, options = pickle.loads(pickle.dumps((question, args, options)))
        return pickle.loads(pickle.dumps(self._servers.ask(question, *args, **options)))

    def end_servers(self):
        self._engine.end_servers()

    def close(self):
        (self._servers or self._engine).close()


def opened(folder: Path, **options) -> Cluster:
    """The cluster, open, with such an engine."""
    cluster = open_cluster(folder, **options)
    cluster.engine_of_tasks = Travelling(cluster.engine_of_tasks)
    return cluster


def drawn(rng: np.random.Generator, centre: np.ndarray, spread: float) -> Embeddings:
    """(1, D): a face of somebody, or a photo of some scene."""
    row = centre + spread * rng.standard_normal(DIM) / np.sqrt(DIM)
    return unit_rows(row[None].astype(np.float32))


def _face(i: int) -> Face:
    box = np.array([10 * i, 0, 10 * i + 9, 9], np.float32)
    return Face(box, np.full((5, 2), i, np.float32), 0.9)
