"""A small cluster, made by hand of small collections (small.py): one face a word."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pretend
import small

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.cluster.cluster import Cluster, open_cluster
from retrieve.indexes.cluster.life.merging.merge import Merge, merge
from retrieve.indexes.cluster.manifest import SHARDS, create_manifest, open_manifest
from retrieve.indexes.cluster.people import log
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
        contents = contents_in(shard)
    first = os.fsencode(min(photos)) if photos and number else b""
    with manifest.coordinating(), manifest.writing():
        manifest.add_shard(number, first, where)
        manifest.hold(number, contents)
        manifest.hold_space("faces", small.MADE_BY, pretend.Embedder.dim)
    manifest.close()
    return number


def opened(folder: Path, **options) -> Cluster:
    """That cluster, open."""
    return open_cluster(folder, **options)


def contents_of(folder: Path, shard: int) -> list[bytes]:
    """SHA-256 of all contents of a shard."""
    with small.opened(folder / SHARDS / f"{shard:04}") as collection:
        return [sha256 for sha256, _ in contents_in(collection)]


def contents_in(shard: Collection) -> list[tuple[bytes, int]]:
    """SHA-256 and bytes of all contents of a shard."""
    rows = shard.db.execute("SELECT sha256, size_bytes FROM contents")
    return [(bytes.fromhex(sha256), size_bytes) for sha256, size_bytes in rows]


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


def link(folder: Path, path: str, like: str, *, shard: int) -> None:
    """Let a file that falls to another shard hold the content of one that this shard holds."""
    with small.opened(folder / SHARDS / f"{shard:04}") as collection, writing(collection.db):
        known = collection.catalog.path(Path(like))
        found = small.Found(Path(path), 5, 1, 1)
        collection.catalog.put_path(found, content_id=known.content_id, reason=None)
    manifest = open_manifest(folder)
    with manifest.writing():
        manifest.db.execute(
            "INSERT INTO elsewhere (path, shard) VALUES (?, ?)", [os.fsencode(path), shard]
        )
    manifest.close()


def hear(cluster: Cluster) -> None:
    """Put what was said in shards into the cluster's log."""
    heard = log.heard(cluster.manifest)
    each = {one.number: (heard.get(one.number, 0),) for one in cluster.manifest.shards()}
    with cluster.manifest.coordinating():
        log.hear(cluster.manifest, cluster.ask(log.said_since, each=each).all())


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


def merged(cluster: Cluster, chance: random.Random) -> None:
    """Make one of two or three shards, where there are so many: neighbours, so that faces are in
    the order in which they were, by which ties are decided.
    """
    numbers = [one.number for one in cluster.manifest.shards()]
    if len(numbers) > 1:
        at, most = chance.randrange(len(numbers) - 1), chance.choice((2, 3))
        some = numbers[at : at + most]
        with cluster.changing():
            merge(cluster, Merge(some[0], some, 0))
