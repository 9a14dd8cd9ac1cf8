"""Clusters made by hand of small collections (small.py): one face a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import small

from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.cluster.cluster import Cluster, open_cluster
from retrieve.indexes.cluster.manifest import create_manifest, open_manifest
from retrieve.indexes.cluster.people import numbering
from retrieve.indexes.collection import Collection
from retrieve.types import Embeddings, Face

Photos = Mapping[str, str]  # by name the words of its faces
FACE = Face(np.array([1, 1, 9, 9], np.float32), np.zeros((5, 2), np.float32), 0.9)


def made(folder: Path, *shards: Photos, quality: float = 1.0) -> Path:
    """A cluster of shards that hold these photos; nothing is grouped."""
    folder.mkdir()
    create_manifest(folder).close()
    for photos in shards:
        grown(folder, photos, quality=quality)
    return folder


def grown(folder: Path, photos: Photos, *, quality: float = 1.0) -> int:
    """One more shard; returns its number."""
    manifest = open_manifest(folder)
    place = folder / "shards" / f"{manifest.next_shard():04}"
    manifest.close()
    with small.opened(place) as collection:
        for name, words in photos.items():
            small.add(collection, folder / name, words, quality=quality)
    return taken(folder, place)


def taken(folder: Path, place: Path) -> int:
    """A collection becomes a shard where it lies; returns its number."""
    manifest = open_manifest(folder)
    number = manifest.next_shard()
    with manifest.coordinating():
        numbering.adopt(place, manifest)
        with manifest.writing():
            manifest.add_shard(number, b"" if not number else str(number).encode(), place)
            manifest.hold_space("faces", small.MADE_BY, 32)
    manifest.close()
    return number


@contextmanager
def opened(folder: Path) -> Iterator[Cluster]:
    """It, open."""
    with open_cluster(folder) as cluster:
        assert isinstance(cluster, Cluster)
        yield cluster


def store(collection: Collection, rows: Embeddings, first: int) -> None:
    """Store a photo of one face for each embedding, called by its number from the first on."""
    with writing(collection.db):
        row = collection.faces.append(rows)
        for number in range(len(rows)):
            photo = NewPhoto(f"{first + number:064x}", 1, (10, 20), None, ())
            content_id = collection.catalog.add_photo(photo)
            collection.catalog.add_face(row + number, content_id, 1, FACE, 0.9)
            found = Found(Path(f"/album/{first + number}.jpg"), 5, 1, 1)
            collection.catalog.put_path(found, content_id=content_id, reason=None)
