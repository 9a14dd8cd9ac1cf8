"""Made faces of several shards into people, beside the same faces in one collection.

    python -m benchmarks.cluster people PHOTOS [--shards 4] [--faces 20000]...

Faces are drawn as benchmarks/clusters/made.py draws albums, with the spread of the people below
PHOTOS/people_dev. They are put in the shards in an order by chance, so that people are in all of
them. Each is grouped from nothing in a process of its own whose libraries have one thread; CPU
seconds are of that process and those that it begins. Both are compared with the people that were
drawn, and with each other.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clusters.attached import fill
from benchmarks.clusters.made import ONE_THREAD, album
from benchmarks.scores.faces import KEPT, found
from benchmarks.strangers import fitted_to
from retrieve.evaluation.clusters import clusters
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.indexes.catalog.filters import FACES
from retrieve.indexes.cluster.manifest import SHARDS, create_manifest
from retrieve.indexes.cluster.people import numbering
from retrieve.indexes.collection import open_collection
from retrieve.indexes.opening import open_collection as open_either
from retrieve.types import Embeddings

SIZES = (20_000, 100_000)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", type=Path)
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--faces", type=int, action="append", help="repeatable")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)  # group that, print JSON


def run(given: argparse.Namespace) -> None:
    """Draw faces, group both, and say what each takes and makes of them."""
    if given.only is not None:
        print(json.dumps(grouped(given.only)))
        return
    news = found(given.photos, "people_dev", given.kept)
    moments, hardness = fitted_to(*news.labelled(), DEFAULT_EMBEDDER)
    for count in given.faces or SIZES:
        rows, who = album(moments, hardness, count)
        people = who.astype(str).tolist()
        print(f"{count:,} faces of {len(set(people)):,} people", flush=True)
        labels = {}
        with tempfile.TemporaryDirectory() as folder:
            one, many = Path(folder) / "one", Path(folder) / "many"
            _collection(one, rows, who)
            _cluster(many, rows, who, given.shards)
            for name, place in (("one collection", one), (f"{given.shards} shards", many)):
                told = _elsewhere(given, place)
                labels[name] = np.array(told.pop("labels"))
                _print(name, told, labels[name], people)
        first, second = labels.values()
        between = clusters(first, second.astype(str).tolist()).pairs
        print(f"  pair F1 of one to the other {between.f1:.4f}", flush=True)


def grouped(folder: Path) -> dict[str, Any]:
    """What grouping a collection or cluster from nothing takes; whose every face is then."""
    with open_either(folder) as opened:
        before, started = _cpu_s(), time.perf_counter()
        opened.group()
        took = {"cpu_s": _cpu_s() - before, "clock_s": time.perf_counter() - started}
        persons = {
            face.face_id: one.person.id
            for one in opened.people.listing(everyone=True)
            for face in one.members
        }
    peak = max(resource.getrusage(of).ru_maxrss for of in USERS) / 1024
    return took | {"peak_mb": peak, "labels": [persons[id] for id in sorted(persons)]}


USERS = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def _cpu_s() -> float:
    used = [resource.getrusage(of) for of in USERS]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _collection(folder: Path, rows: Embeddings, who: NDArray[np.int64]) -> None:
    with open_collection(folder, create=True) as collection:
        collection.begin()
        fill(collection, rows, who, known=False)
        _place(collection)


def _cluster(folder: Path, rows: Embeddings, who: NDArray[np.int64], shards: int) -> None:
    folder.mkdir()
    manifest = create_manifest(folder)
    ends = np.linspace(0, len(rows), shards + 1).astype(int).tolist()
    with manifest.coordinating():
        for number, (start, end) in enumerate(pairwise(ends)):
            where = Path(SHARDS, f"{number:04}")
            _collection(folder / where, rows[start:end], who[start:end])
            numbering.adopt(folder / where, manifest)
            with open_collection(folder / where) as shard, manifest.writing():
                space = shard.faces.required()
                manifest.add_shard(number, str(number).encode() if number else b"", where)
                manifest.hold_space(FACES, space.made_by, space.dim)
    manifest.close()


def _place(collection: Any) -> None:
    """Photos have paths, which a list of people names."""
    collection.db.execute(
        "INSERT INTO paths (path, content_id, size_bytes, mtime_ns, ctime_ns) "
        "SELECT '/album/' || id, id, 1, 1, 1 FROM contents"
    )


def _elsewhere(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cluster", "people", given.photos, "--only", folder],
        capture_output=True,
        text=True,
        env=os.environ | ONE_THREAD,
    )
    if done.returncode:
        raise RuntimeError(f"it ended with {done.returncode}: {done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _print(name: str, told: dict[str, Any], labels: NDArray[np.int64], people: list[str]) -> None:
    made = clusters(labels, people)
    print(
        f"  {name}: {told['cpu_s']:.1f} CPU s, {told['clock_s']:.1f} s, {told['peak_mb']:.0f} MB; "
        f"pair F1 {made.pairs.f1:.4f} (precision {made.pairs.precision:.4f}, recall "
        f"{made.pairs.recall:.4f}), B-cubed {made.bcubed.f1:.4f}, {made.impure} impure of "
        f"{made.groups:,}",
        flush=True,
    )
