"""What stored things take on disk: python -m benchmarks.storage PHOTOS [--texts TEXTS]

Each folder is indexed into a collection of its own, which is compacted. What SQLite says that each
table takes (its virtual table dbstat) and the files of embeddings are counted as of faces, or as of
photos or texts: all that is left. The index of a search comes on top, 32 bytes a face, where there
are enough for one.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.vectors.spaces import every_space

OF_FACES = ("faces", "crops", "sums_faces", "sums_crops")  # tables, and beginnings of indexes


def main() -> None:
    """Print a line for each folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--texts", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts, faces, rest, cpu_s = measured(Path(folder, "photos"), asked.photos)
        print(
            f"{counts['photos']:,} photos, {counts['faces']:,} faces: "
            f"{rest / counts['photos']:,.0f} bytes a photo, "
            f"{faces / counts['faces']:,.0f} a face; {cpu_s / counts['photos']:.3f} CPU s a photo"
        )
        if asked.texts is not None:
            counts, _, rest, cpu_s = measured(Path(folder, "texts"), asked.texts)
            print(
                f"{counts['texts']:,} texts, {counts['passages']:,} passages: "
                f"{rest / counts['passages']:,.0f} bytes a passage; "
                f"{counts['passages'] / cpu_s:,.0f} passages a CPU s"
            )


def measured(folder: Path, source: Path) -> tuple[dict[str, int], int, int, float]:
    """What is stored, bytes of faces, of all else, and CPU seconds that it took to index."""
    before = _cpu_s()
    with open_collection(folder, create=True) as collection:
        collection.index([source])
        taken = _cpu_s() - before
        compact(collection)
        counts = collection.info().counts
        faces, rest = _bytes(collection)
    return counts, faces, rest, taken


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


def _cpu_s() -> float:
    return sum(
        use.ru_utime + use.ru_stime
        for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
