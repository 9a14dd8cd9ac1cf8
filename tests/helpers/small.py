"""A small collection without networks: one face a word, as in pretend.py."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pretend

from retrieve.errors import BadInput
from retrieve.indexes.building.build import Build
from retrieve.indexes.building.jobs import Job
from retrieve.indexes.building.storing import Report
from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.exchange.formats import chosen as formats
from retrieve.indexes.exchange.imports import Imported, put
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.people import statements
from retrieve.indexes.vectors.spaces import Space
from retrieve.pictures.embedding.shown import Class, Shown
from retrieve.types import Face

JPEG = pretend.JPEG
MADE_BY = {
    "detector": "pretend-detector",
    "detector_sha256": "11" * 32,
    "embedder": "pretend",
    "embedder_sha256": "22" * 32,
}


class Detector:
    name, weights_sha256 = MADE_BY["detector"], MADE_BY["detector_sha256"]

    def detect(self, batch):
        raise AssertionError("pretend.Faces stands in for it")


class Embedder(pretend.Embedder):
    name, weights_sha256 = MADE_BY["embedder"], MADE_BY["embedder_sha256"]


@cache
def _new_catalog() -> bytes:
    with TemporaryDirectory() as folder:
        open_collection(Path(folder, "new"), create=True).close()
        (file,) = Path(folder, "new").iterdir()
        assert file.name == CATALOG
        return file.read_bytes()


def opened(path: Path, made_by: dict[str, str] | None = None) -> Collection:
    """A new collection, or one that is there.

    Every new one is the same, and making it takes ten times as long as copying it.
    """
    if not path.exists():
        path.mkdir(mode=0o700, parents=True)
        file = os.open(path / CATALOG, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(file, "wb") as catalog:
            catalog.write(_new_catalog())
    collection = open_collection(path, create=True)
    collection.texts.use(pretend.TextEncoder())
    if collection.faces.space() is None:
        with writing(collection.db):
            space = Space("faces", "faces", made_by or MADE_BY, pretend.Embedder.dim)
            collection.faces.create(space)
    return collection


def add(
    collection: Collection,
    path: Path | str,
    words: str = "",
    *,
    taken_at: str | None = None,
    place: tuple[float, float] | None = None,
    quality: float = 0.5,
    gone: bool = False,
) -> list[int]:
    """Store a photo with one face a word; returns the faces' ids."""
    content = f"{path}: {words}".encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(content).hexdigest()
    catalog, ids = collection.catalog, []
    with writing(collection.db):
        photo = NewPhoto(digest, len(content), (10, 20), taken_at, ("a remark",), place)
        content_id = catalog.add_photo(photo)
        rows = [pretend.embedding(word) for word in words.split()]
        first = collection.faces.required().rows
        for i, word in enumerate(words.split()):
            box = np.array([i + 0.1, 2, i + 3, 4], np.float32)
            landmarks = np.arange(10, dtype=np.float32).reshape(5, 2) / 3 + i
            ids.append(
                catalog.add_face(first + i, content_id, i + 1, Face(box, landmarks, 0.7), quality)
            )
            catalog.add_crop(ids[-1], pretend.picture(word))
        if rows:
            collection.faces.append(np.concatenate(rows))
        path_id = catalog.put_path(Found(Path(path), 5, 1, 1), content_id=content_id, reason=None)
        if gone:
            collection.db.execute("UPDATE paths SET gone = 1 WHERE id = ?", [path_id])
            catalog.set_live([content_id])
    return ids


def index(collection: Collection, folder: Path, extractor=pretend.extractor) -> Report:
    """Bring the collection up to date with a folder of pretended photos."""
    build = Build(
        collection.catalog, collection.faces, collection.texts, pretend.Embedder, extractor
    )
    return build.run([folder])


def index_all(collection: Collection, *roots: Path, read: list[Path] | None = None) -> Report:
    """Collection.index() in this process: with what photos say about themselves.

    read  takes the files that were read
    """
    work = Job(pretend.Faces(), roots).open()

    def extractor(paths):
        for found, path in paths:
            if read is not None and isinstance(path, Path):
                read.append(path)
            try:
                yield found, work(path)
            except BadInput as error:
                yield found, str(error)

    collection.networks.use(Detector(), Embedder())
    return collection.update(roots, extractor)


def word(crop: bytes) -> str:
    """The word that a face was made of."""
    return pretend.said(crop)


@contextmanager
def exported(folder: Path) -> Iterator[Collection]:
    """A collection of files on disk: one face, three, none; two names."""
    photos = folder / "photos"
    photos.mkdir()
    for name, words in {"one": "ana", "group": "ana2 eva luis", "sea": ""}.items():
        (photos / f"{name}.jpg").write_text(words)
    with opened(folder / "source") as made:
        index(made, photos)
        with writing(made.db):
            for name, word in (("Ana Núñez", "ana"), ("Ana Núñez", "ana2"), ("Luís", "luis")):
                statements.say_name(made.db, name, [face_of(made, word)])
        yield made


def face_of(collection: Collection, word: str) -> int:
    """The id of a face that was indexed as that word."""
    (id,) = collection.db.execute(
        "SELECT id FROM faces JOIN crops ON face_id = id WHERE jpeg = ?", [pretend.picture(word)]
    ).fetchone()
    return id


def imported(collection: Collection, file: Path, **options) -> Imported:
    """Import an export."""
    with formats.reading(file) as (header, rows):
        return put(collection, header, rows, **options)


PICTURES_MADE_BY = {"picture_embedder": "pretend", "picture_embedder_sha256": "33" * 32}


def look(collection: Collection, path: Path | str, word: str, *classes: tuple[int, float]) -> int:
    """State what a stored photo shows as a whole; returns its content's id."""
    (embedding,) = pretend.embedding(word)
    shown = Shown(embedding, tuple(Class(*one) for one in classes))
    with writing(collection.db):
        known = collection.catalog.path(Path(path))
        assert known is not None
        assert known.content_id is not None
        collection.pictures.store([(known.content_id, shown)], PICTURES_MADE_BY)
    return known.content_id
