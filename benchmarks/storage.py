"""What stored things take on disk: python -m benchmarks.storage PHOTOS [--texts TEXTS]

The photos, and the texts, are indexed into a collection of their own, which is compacted. What
SQLite says that each table takes (its virtual table dbstat), without what it takes in an empty
collection, and the files of embeddings are counted as of faces, or as of photos or texts: all that
is left. The index of a search comes on top, 32 bytes a face, where there are enough for one. Then a
cluster's manifest is filled with made checksums.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from retrieve.indexes.cluster.manifest import CLUSTER, SHARDS, create_manifest
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.vectors.spaces import every_space
from retrieve.photos import SUFFIXES

OF_FACES = ("faces", "crops", "sums_faces", "sums_crops")
CONTENTS = 200_000  # in the manifest


def main() -> None:
    """Print a line for each folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--texts", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = [one for one in asked.photos.rglob("*") if one.suffix.lower() in SUFFIXES]
        counts, faces, rest = measured(Path(folder, "photos"), photos)
        print(
            f"{counts['photos']:,} photos, {counts['faces']:,} faces: "
            f"{rest / counts['photos']:,.0f} bytes a photo, {faces / counts['faces']:,.0f} a face"
        )
        if asked.texts is not None:
            counts, _, rest = measured(Path(folder, "texts"), [asked.texts])
            print(
                f"{counts['texts']:,} texts, {counts['passages']:,} passages: "
                f"{rest / counts['passages']:,.0f} bytes a passage"
            )
        print(f"cluster.sqlite: {_of_a_content(Path(folder, 'cluster')):,.0f} bytes a content")


def measured(folder: Path, sources: Sequence[Path]) -> tuple[dict[str, int], int, int]:
    """What is stored, bytes of faces, and of all else."""
    with open_collection(folder, create=True) as collection:
        empty = _bytes(collection)
        collection.index(sources)
        compact(collection)
        faces, rest = _bytes(collection)
        return collection.info().counts, faces - empty[0], rest - empty[1]


def _of_a_content(folder: Path) -> float:
    folder.mkdir()
    manifest = create_manifest(folder)
    with manifest.coordinating(), manifest.writing():
        manifest.add_shard(0, b"", Path(SHARDS, "0000"))
        before = (folder / CLUSTER).stat().st_size
        manifest.hold(0, ((secrets.token_bytes(32), 1_000_000 + i) for i in range(CONTENTS)))
    taken = (folder / CLUSTER).stat().st_size - before
    manifest.close()
    return taken / CONTENTS


def _bytes(collection: Collection) -> tuple[int, int]:
    db = collection.db
    faces = rest = 0
    query = (
        "SELECT coalesce(tbl_name, dbstat.name), sum(pgsize) FROM dbstat "
        "LEFT JOIN sqlite_master ON sqlite_master.name = dbstat.name GROUP BY 1"
    )
    for table, size_bytes in db.execute(query).fetchall():
        if table in OF_FACES:
            faces += size_bytes
        else:
            rest += size_bytes
    for vectors in every_space(db, collection.path):
        space = vectors.required()
        size_bytes = space.rows * space.dim * 4
        faces, rest = (
            (faces + size_bytes, rest) if space.name == "faces" else (faces, rest + size_bytes)
        )
    return faces, rest


if __name__ == "__main__":
    main()
