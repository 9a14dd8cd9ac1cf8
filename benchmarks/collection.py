"""A whole collection of made faces: python -m benchmarks.collection [--rows N]

What a user waits for beyond the bare search of benchmarks/search.py: storing, the index,
`retrieve search --face-id` from a cold process, a query through catalog and filters, with
the memory that each takes. `import torch` is the peer that a search does without.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.made import BLOCK_ROWS, Made
from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.collection import Collection, open_collection
from retrieve.types import Embeddings, Face

CLI = ("-m", "retrieve.cli")
ROUNDS = 7
PROBES = 50
FOLDERS = 1000
MEASURED = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
use = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([use.ru_utime + use.ru_stime, use.ru_maxrss / 1024]))
"""


def cold(*arguments: str) -> tuple[float, float]:
    """CPU seconds, the least of several, and peak MB of a process of python."""
    runs = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", MEASURED, sys.executable, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
    return min(run[0] for run in runs), max(run[1] for run in runs)


def fill(collection: Collection, rows: int) -> None:
    """One photo a face, a thousand folders, a date for each, a place for every tenth."""
    made = Made(rows, collection.faces.required().dim)
    landmarks = np.zeros((5, 2), np.float32)
    face = Face(np.array([10, 10, 90, 90], np.float32), landmarks, 0.99)
    picture = io.BytesIO()
    Image.new("RGB", (112, 112)).save(picture, "JPEG")
    for stream, start in enumerate(range(0, rows, BLOCK_ROWS), 1):
        embeddings = made.sample(min(BLOCK_ROWS, rows - start), stream)
        with collection.catalog.writing():
            first = collection.faces.append(embeddings)
            for row in range(first, first + len(embeddings)):
                _store(collection, row, face, picture.getvalue() if row < 100 else b"")


def _store(collection: Collection, row: int, face: Face, picture: bytes) -> None:
    catalog = collection.catalog
    taken_at = f"{2000 + row % 25}-{row % 12 + 1:02}-{row % 28 + 1:02}T12:00:00"
    place = (40 + row % 1000 / 1000, -1 + row % 777 / 777) if row % 10 == 0 else None
    photo = catalog.add_photo(NewPhoto(f"{row:064x}", row, (100, 100), taken_at, (), place))
    path = Path(f"/album/{row % FOLDERS}/{row}.jpg")
    catalog.put_path(Found(path, row, 1, 1), content_id=photo, reason=None)
    catalog.add_crop(catalog.add_face(row, photo, 1, face, 0.5 + row % 50 / 100), picture)


def warm_ms(query: Callable[[Embeddings], object], probes: Embeddings) -> float:
    """CPU milliseconds a probe."""
    query(probes[:1])
    before = time.process_time()
    for i in range(len(probes)):
        query(probes[i : i + 1])
    return (time.process_time() - before) / len(probes) * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--at", type=Path, help="keep the collection there, or use the one there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        where = arguments.at or Path(name, "collection")
        os.environ["RETRIEVE_COLLECTION"] = str(where)
        measure(where, arguments.rows)


def measure(where: Path, rows: int) -> None:
    new = not where.exists()
    with open_collection(where, create=True) as collection:
        if new:
            collection.begin()
            before = time.process_time()
            fill(collection, rows)
            say(f"store {rows:,} faces", f"{time.process_time() - before:.0f} CPU s")
            before = time.process_time()
            collection.engine.build()
            say("make the index", f"{time.process_time() - before:.1f} CPU s")
        info = collection.info()
        file = collection.engine.recorded()
        say("on disk", f"{info.size_bytes / 1e6:,.0f} MB, {info.search}")
        if file is not None:
            say("index file", f"{file.size_bytes / 1e6:.1f} MB")
    # Opened again: what was written by this process must not help.
    with open_collection(where) as collection:
        probes = np.array(collection.faces.gallery()[:: max(1, rows // PROBES)][:PROBES])
        nearest = collection.nearest
        folder, year = Filter(folders=(Path("/album/7"),)), Filter(since="2010", until="2010")
        for label, query in (
            ("query", nearest),
            ("query, --exact", partial(nearest, exact=True)),
            ("query, one folder of 1,000", partial(nearest, wanted=folder)),
            ("query, one year of 25", partial(nearest, wanted=year)),
        ):
            few = probes[:5] if label.endswith("--exact") else probes
            say(label, f"{warm_ms(query, few):.2f} CPU ms")
    for label, command in (
        ("cold search by stored face", [*CLI, "search", "--face-id", "77", "--json"]),
        ("the same, --exact", [*CLI, "search", "--face-id", "77", "--json", "--exact"]),
        ("cold python, import torch", ["-c", "import torch"]),
    ):
        seconds, memory = cold(*command)
        say(label, f"{seconds:.2f} CPU s, {memory:.0f} MB")


def say(label: str, figure: str) -> None:
    print(f"{label:34} {figure}", flush=True)


if __name__ == "__main__":
    main()
