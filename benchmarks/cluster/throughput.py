"""Indexing by tasks of a cluster beside `retrieve index` of one collection: the same photos.

    python -m benchmarks.cluster throughput FOLDER [--photos 240] [--segment 60] [--rounds 1]

Each is a process of its own, which imports, opens networks, reads, embeds, groups people; ray is
a head and a node beside it, in a network namespace of its own where that is permitted, of one core
each, and what Ray's processes take is in its figure. Photos are copied first, so that all read
them from memory. Of several rounds the least counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.cluster import nodes
from retrieve.indexes.cluster.manifest import create_manifest
from retrieve.indexes.opening import open_collection
from retrieve.photos import SUFFIXES

SETTLE_S = 2.0  # for what Ray's processes do after all is done


@dataclass(frozen=True)
class Way:
    """How it is indexed.

    against  the way of one collection that its figures are told against: as many processes
    """

    name: str
    engine: str | None = None
    tasks: int | None = None
    processes: int | None = None
    against: str = ""


ONE, TWO = "retrieve index --processes 1", "retrieve index (2 processes)"
WAYS = (
    Way(ONE, processes=1),
    Way(TWO, processes=2),
    Way("cluster, local, 1 task", "local", tasks=1, processes=1, against=ONE),
    Way("cluster, local, 2 tasks", "local", tasks=2, processes=1, against=TWO),
    Way("cluster, ray, two nodes", "ray", processes=1, against=TWO),
)


def options(parser: argparse.ArgumentParser) -> None:
    """What is asked for on the command line."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="photos")
    parser.add_argument("--photos", type=int, default=240, metavar="N", help="of them, spread")
    parser.add_argument("--segment", type=int, default=60, metavar="N", help="photos of a shard")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", help=argparse.SUPPRESS)  # index so, print JSON


def run(given: argparse.Namespace) -> None:
    """Index in all ways, round after round, and print what each took."""
    if given.only is not None:
        print(json.dumps(indexed(given.folder, given.segment, **json.loads(given.only))))
        return
    took: dict[str, list[dict[str, float]]] = {way.name: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        photos = copied(given.folder, Path(folder, "photos"), given.photos)
        for number in range(given.rounds):
            for way in WAYS:
                at = Path(folder, f"{number}-{WAYS.index(way)}")
                took[way.name].append(_elsewhere(given, way, Path(folder, "photos"), at))
                shutil.rmtree(at)
    print(f"{photos} photos, segments of {given.segment}; the least of {given.rounds} rounds")
    least = {
        name: {key: min(one[key] for one in rounds) for key in rounds[0]}
        for name, rounds in took.items()
    }
    for way in WAYS:
        told = least[way.name]
        line = f"  {way.name:30} {told['wall_s']:7.1f} s {told['cpu_s']:7.1f} CPU s"
        line += f"  {told['cpu_s'] / photos * 1e3:6.0f} CPU ms a photo"
        if way.against:
            of = least[way.against]
            line += f"  wall x {told['wall_s'] / of['wall_s']:.2f}"
            line += f"  CPU x {told['cpu_s'] / of['cpu_s']:.2f}"
        print(f"{line}  {told['faces']:.0f} faces, {told['people']:.0f} people", flush=True)


def copied(folder: Path, to: Path, most: int) -> int:
    """Copy so many photos, spread over all that lie below a folder; returns how many there were."""
    every = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not every:
        raise SystemExit(f"no photo below {folder}")
    for number, path in enumerate(islice(every, 0, None, max(1, len(every) // most))):
        if number == most:
            return most
        target = to / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return number + 1


def indexed(
    photos: Path, segment: int, *, at: str, engine: str | None, tasks: int | None, processes: int
) -> dict[str, float]:
    """Index in this process; what was stored, and what this and its children took."""
    began = time.perf_counter()
    if engine is None:
        with open_collection(at, create=True) as one:
            report = one.index([photos], processes=processes)
    else:
        from retrieve.indexes.cluster.cluster import Cluster

        Path(at).mkdir()
        create_manifest(Path(at)).close()
        wanted: Any = engine
        with open_collection(at, engine=wanted) as many:
            assert isinstance(many, Cluster)
            report = many.index([photos], segment=segment, tasks=tasks, processes=processes)
            many.forget_servers()
    return {
        "wall_s": time.perf_counter() - began,
        "faces": report.faces,
        "people": report.people,
    }


def _elsewhere(given: argparse.Namespace, way: Way, photos: Path, at: Path) -> dict[str, float]:
    """indexed() in a process of its own, with the CPU seconds of all processes that worked for it:
    of that one, of those it began, and of Ray's.
    """
    how = {"at": str(at), "engine": way.engine, "tasks": way.tasks, "processes": way.processes}
    command = [
        *(sys.executable, "-m", "benchmarks.cluster", "throughput", str(photos)),
        *("--segment", str(given.segment), "--only", json.dumps(how)),
    ]
    with ExitStack() as stack:
        environment = dict(os.environ)
        ray = stack.enter_context(nodes.cluster()) if way.engine == "ray" else None
        if ray is not None:
            environment |= ray.environment
        before = _cpu_s(ray)
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
        if ray is not None:
            time.sleep(SETTLE_S)
        took = _cpu_s(ray) - before
    told: dict[str, float] = json.loads(done.stdout)
    print(f"{way.name}: {told['wall_s']:.1f} s, {took:.1f} CPU s", file=sys.stderr, flush=True)
    return told | {"cpu_s": took}


def _cpu_s(ray: Any) -> float:
    """Of all children that have ended, and of Ray's processes."""
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    of_ray = 0.0 if ray is None else sum(ray.cpu_s(node) for node in (0, 1))
    return mine.ru_utime + mine.ru_stime + of_ray
