"""Made faces in shards, and the same in one collection, built once and kept.

Twenty faces a photo, a date for each photo; no pictures of faces. Embeddings are drawn as
benchmarks/made.py has them; a million of 192 dimensions are .8 GB, with their catalog 1.3 GB.
What is whole is not built again: a run that was stopped is gone on with.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.made import BLOCK_ROWS, Made
from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import FACES
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.cluster.manifest import SHARDS, create_manifest, is_cluster, open_manifest
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.vectors.spaces import Space
from retrieve.types import Embeddings, Face

MADE_BY = {
    "detector": "made",
    "detector_sha256": "00" * 32,
    "embedder": "made",
    "embedder_sha256": "00" * 32,
}
FACES_OF_ONE = 20
FACE = Face(np.array([10, 10, 90, 90], np.float32), np.zeros((5, 2), np.float32), 0.99)


def cluster_of(at: Path, shards: int, rows: int, dim: int) -> Path:
    """Where a cluster lies of so many shards of so many rows."""
    folder = at / f"cluster-{shards}x{rows}x{dim}"
    made = Made(shards * rows, dim)
    folder.mkdir(parents=True, exist_ok=True)
    if not is_cluster(folder):
        create_manifest(folder).close()
    manifest = open_manifest(folder)
    with manifest.coordinating():
        for number in range(manifest.next_shard(), shards):
            where = Path(SHARDS, f"{number:04}")
            _build(folder / where, number * rows, dim, _drawn(made, rows, number))
            with manifest.writing():
                first = f"/album/{number * rows:09}" if number else ""
                manifest.add_shard(number, os.fsencode(first), where)
                manifest.hold_space(FACES, MADE_BY, dim)
    manifest.close()
    return folder


def collection_of(at: Path, cluster: Path, shards: int, rows: int, dim: int) -> Path:
    """Where a collection lies that holds the same."""
    folder = at / f"collection-{shards}x{rows}x{dim}"
    files = [cluster / SHARDS / f"{number:04}" for number in range(shards)]
    if not folder.exists():
        _build(folder, 0, dim, (block for file in files for block in _stored(file)))
    return folder


def _drawn(made: Made, rows: int, number: int) -> Iterator[Embeddings]:
    for stream, start in enumerate(range(0, rows, BLOCK_ROWS)):
        yield made.sample(min(BLOCK_ROWS, rows - start), 1 + number * 1000 + stream)


def _stored(shard: Path) -> Iterator[Embeddings]:
    with open_collection(shard) as opened:
        gallery = opened.engine.gallery()
        for start in range(0, len(gallery), BLOCK_ROWS):
            yield np.array(gallery[start : start + BLOCK_ROWS])


def _build(folder: Path, start: int, dim: int, blocks: Iterator[Embeddings]) -> None:
    """A collection that appears when it is whole, with its index.

    start  number of its first face among those of all shards
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    with open_collection(part, create=True) as opened:
        with writing(opened.db):
            opened.faces.create(Space(FACES, FACES, MADE_BY, dim))
        for block in blocks:
            with writing(opened.db):
                first = opened.faces.append(block)
                for row in range(first, first + len(block)):
                    _store(opened, row, start + row)
        opened.engine.build()
    part.rename(folder)


def _store(opened: Collection, row: int, face: int) -> None:
    """A face, and the photo that it is the first of."""
    catalog, number = opened.catalog, row % FACES_OF_ONE
    if number == 0:
        taken_at = f"{2000 + face % 25}-{face % 12 + 1:02}-{face % 28 + 1:02}T12:00:00"
        photo = NewPhoto(f"{face:064x}", face, (100, 100), taken_at, ())
        found = Found(Path(f"/album/{face:09}.jpg"), face, 1, 1)
        catalog.put_path(found, content_id=catalog.add_photo(photo), reason=None)
    content_id = 1 + row // FACES_OF_ONE
    catalog.add_face(row, content_id, number + 1, FACE, 0.5 + face % 50 / 100)
