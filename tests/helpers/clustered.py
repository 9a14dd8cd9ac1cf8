"""A small cluster, made by hand of small collections (small.py): one face a word."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pretend
import small

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.cluster.cluster import Cluster, open_cluster
from retrieve.indexes.cluster.manifest import SHARDS, create_manifest, open_manifest
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import statements

Photos = Mapping[str, str]  # path → words


def make(folder: Path, *shards: Photos) -> Path:
    """A cluster with a shard for each of these."""
    folder.mkdir(mode=0o700, parents=True)
    create_manifest(folder).close()
    for photos in shards:
        add_shard(folder, photos)
    return folder


def add_shard(folder: Path, photos: Photos) -> int:
    """One more; returns its number."""
    manifest = open_manifest(folder)
    number = manifest.next_shard()
    where = Path(SHARDS, f"{number:04}")
    with small.opened(folder / where) as shard:
        for path, words in photos.items():
            small.add(shard, path, words)
        sha256s = sha256s_of(shard)
    first = os.fsencode(Path(min(photos)).parent) if photos and number else b""
    with manifest.coordinating(), manifest.writing():
        manifest.add_shard(number, first, where)
        manifest.db.conn.executemany(
            "INSERT INTO contents VALUES (?, ?)", ([one, number] for one in sha256s)
        )
        manifest.hold_space("faces", small.MADE_BY, pretend.Embedder.dim)
    manifest.close()
    return number


def opened(folder: Path, **options) -> Cluster:
    """That cluster, open."""
    return open_cluster(folder, **options)


def sha256s_of(shard: Collection) -> list[bytes]:
    """Of all contents of a shard."""
    return [bytes.fromhex(one) for (one,) in shard.db.execute("SELECT sha256 FROM contents")]


def name(folder: Path, shard: int, person: int, called: str, words: Sequence[str]) -> None:
    """Let a person with that number have the faces of some words in a shard."""
    with small.opened(folder / SHARDS / f"{shard:04}") as collection, writing(collection.db):
        add_person(collection.db, called, id=person)
        ids = [small.face_of(collection, word) for word in words]
        if ids:
            statements.say_name(collection.db, called, ids)
    manifest = open_manifest(folder)
    with manifest.writing():
        manifest.db.execute("UPDATE cluster SET next_person = max(next_person, ?)", [person + 1])
    manifest.close()


def link(folder: Path, path: str, like: str, *, segment: int, shard: int) -> None:
    """Let a file of a segment hold the content of one that another shard holds."""
    with small.opened(folder / SHARDS / f"{shard:04}") as collection, writing(collection.db):
        known = collection.catalog.path(Path(like))
        found = small.Found(Path(path), 5, 1, 1)
        collection.catalog.put_path(found, content_id=known.content_id, reason=None)
    manifest = open_manifest(folder)
    with manifest.writing():
        manifest.db.execute(
            "INSERT INTO elsewhere VALUES (?, ?, ?, 5, 1, 1)", [os.fsencode(path), segment, shard]
        )
    manifest.close()


def faces_of(cluster: Cluster) -> dict[str, int]:
    """How many faces each path shows, over all shards."""
    found: dict[str, int] = {}
    for one in cluster.ask(_faces).all().values():
        for path, faces in one.items():
            assert path not in found
            found[path] = faces
    return found


def _faces(collection: Collection) -> dict[str, int]:
    query = (
        "SELECT path, count(faces.id) FROM paths LEFT JOIN faces USING (content_id) GROUP BY path"
    )
    return dict(collection.db.execute(query).fetchall())
