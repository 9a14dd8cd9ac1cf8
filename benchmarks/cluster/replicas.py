"""What one statement costs where its shard has a replica: bytes written and CPU, by both ways.

    python -m benchmarks.cluster replicas [--faces 100000] [--statements 3] [--said 100000]

A shard of made faces, a photo and a small picture of 4 kB each, ten to a person, and its replica.
Somebody is given a name, several times in turn with a replica that is brought up by what changed
(life/copies/following.py) and with one that is copied whole, as one is that cannot be. All is done
by this process, engine local: bytes are those that it hands to write(). With --said so many
statements stand in the log before.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from benchmarks.cluster.people import _place
from benchmarks.clusters.attached import fill
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import FACES
from retrieve.indexes.cluster.cluster import Cluster, open_cluster
from retrieve.indexes.cluster.indexing.task import seen
from retrieve.indexes.cluster.life.copies import refreshing
from retrieve.indexes.cluster.manifest import SHARDS, create_manifest
from retrieve.indexes.cluster.people import log
from retrieve.indexes.collection import open_collection
from retrieve.indexes.people import statements
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.refs import FaceRef

PICTURE_PX = 64
FACES_EACH = 10
SAID_AT = "2026-01-01T00:00:00+00:00"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--statements", type=int, default=3)
    parser.add_argument("--said", type=int, default=0)
    parser.add_argument("--at", type=Path, help="folder for it; a temporary one where left out")


def run(given: argparse.Namespace) -> None:
    """Make the shard, name people, and say what each statement took."""
    with tempfile.TemporaryDirectory(dir=given.at) as there:
        folder = Path(there) / "cluster"
        _make(folder, given.faces)
        if given.said:
            _say(folder, given.faces, given.said)
        with open_cluster(folder) as cluster:
            with cluster.changing():
                pass
            print(f"{given.faces:,} faces, no replica: {_told(*_said(cluster, 0))}", flush=True)
            with cluster.changing():
                assert refreshing.put_replicas(cluster, 1).made
            for number in range(1, given.statements + 1):
                print(f"  by what changed: {_told(*_said(cluster, 2 * number))}", flush=True)
                with mock.patch.object(refreshing, "_follow", return_value=set()):
                    took = _told(*_said(cluster, 2 * number + 1))
                print(f"  copied whole: {took}", flush=True)


def _make(folder: Path, faces: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((faces, 128), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    picture = _picture(rng)
    who = np.arange(faces) // FACES_EACH
    folder.mkdir()
    manifest = create_manifest(folder)
    where = Path(SHARDS, "0000")
    with open_collection(folder / where, create=True) as shard:
        shard.begin()
        fill(shard, rows, who, known=True)
        with writing(shard.db):
            _place(shard)
            shard.db.execute("UPDATE contents SET height = 10, width = 10")
            shard.db.conn.executemany(
                "INSERT INTO crops (face_id, jpeg) VALUES (?, ?)",
                ((id + 1, picture) for id in range(faces)),
            )
        found = seen(shard, 0)
    with manifest.coordinating(), manifest.writing():
        manifest.add_shard(0, b"", where)
        manifest.hold(0, found.contents)
        manifest.hold_space(FACES, *found.spaces[FACES])
        manifest.new_persons(int(who.max()) + 1)
    manifest.close()


def _say(folder: Path, faces: int, count: int) -> None:
    """Statements in the cluster's log and the shard's: each names a face, in turn."""
    every = []
    for i in range(count):
        face = i % faces
        ref = FaceRef(f"{face + 1:064x}", (1.0, 1.0, 9.0, 9.0))
        person = face // FACES_EACH + 1
        line = Statement(i + 1, SAID_AT, "name", person, name=f"Somebody {person}", faces=(ref,))
        every.append(line)
    with open_collection(folder / SHARDS / "0000") as shard, writing(shard.db):
        log.fill(shard.db, every)
        statements.apply(shard.db)
    with open_cluster(folder) as cluster:
        manifest = cluster.manifest
        with manifest.coordinating(), manifest.writing():
            for line in every:
                log.add(manifest, line, {0: [line.id]})
            log.hear_to(manifest, 0, count)


def _picture(rng: np.random.Generator) -> bytes:
    """Noise as a JPEG."""
    pixels = rng.integers(0, 256, (PICTURE_PX, PICTURE_PX, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def _said(cluster: Cluster, number: int) -> tuple[int, float, float]:
    """Bytes, CPU seconds and seconds of one statement."""
    before, cpu, clock = _written(), _cpu_s(), time.perf_counter()
    name, face = f"Another {number}", 1 + number * FACES_EACH
    with cluster.people.saying(names=[name], faces=[face]) as db:
        statements.say_name(db, name, [face])
    return _written() - before, _cpu_s() - cpu, time.perf_counter() - clock


def _told(size_bytes: int, cpu_s: float, clock_s: float) -> str:
    return f"{size_bytes / 1e6:,.2f} MB written, {cpu_s:.2f} CPU s, {clock_s:.2f} s"


def _written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("wchar")))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
