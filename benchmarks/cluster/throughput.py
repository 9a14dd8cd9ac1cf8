"""Indexing by tasks of a cluster beside `retrieve index` of one collection: the same photos.

    python -m benchmarks.cluster throughput FOLDER [--photos 240 960] [--segment 120] [--rounds 1]

Each is a process of its own, which imports, opens networks, reads, embeds, groups people; ray is
a head and a node beside it, in a network namespace of its own where that is permitted, of one core
each, and what Ray's processes take from then on is in its figure: what they take to start, and to
wait for work, is told beside it. Photos are copied first, so that all read them from memory. Of
several rounds the least counts, and each runs all ways in turns.

With two numbers of photos or more a line is laid through the CPU times (least squares): what a run
takes whatever it reads, and what each photo adds, segments and their shards included. The fewest
photos should be two segments, so that as many tasks begin as of more.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cluster import nodes
from benchmarks.watched import watched
from retrieve.indexes.cluster.manifest import create_manifest
from retrieve.indexes.opening import open_collection
from retrieve.photos import SUFFIXES

SETTLE_S = 2.0  # for what Ray's processes do after all is done
IDLE_S = 5.0  # for which they are watched before there is anything to do
WANTED = 1.15  # times the CPU of one collection at most


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


Took = dict[str, float]


def options(parser: argparse.ArgumentParser) -> None:
    """What is asked for on the command line."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="photos")
    parser.add_argument(
        "--photos", type=int, nargs="+", default=[240, 960], metavar="N", help="of them, spread"
    )
    parser.add_argument("--segment", type=int, default=120, metavar="N", help="photos of a shard")
    parser.add_argument("--rounds", type=int, default=1)
    names = ", ".join(f"{number} {way.name}" for number, way in enumerate(WAYS))
    every = range(len(WAYS))
    parser.add_argument(
        "--ways", type=int, nargs="+", default=every, choices=every, metavar="WAY", help=names
    )
    parser.add_argument(
        "--memory", action="store_true", help="watch how much all processes have but those of Ray"
    )
    parser.add_argument("--only", help=argparse.SUPPRESS)  # index so, print JSON


def run(given: argparse.Namespace) -> None:
    """Index in all ways, round after round, and print what each took."""
    if given.only is not None:
        print(json.dumps(indexed(given.folder, given.segment, **json.loads(given.only))))
        return
    ways = [WAYS[number] for number in given.ways]
    least: dict[tuple[int, str], Took] = {}  # by photos, way
    with tempfile.TemporaryDirectory() as folder:
        sizes = {}
        for most in given.photos:
            photos = Path(folder, f"photos-{most}")
            sizes[photos] = copied(given.folder, photos, most)
        for _ in range(given.rounds):
            for (photos, count), way in product(sizes.items(), ways):
                took = _elsewhere(given, way, photos, Path(folder, "index"))
                shutil.rmtree(Path(folder, "index"))
                before = least.setdefault((count, way.name), took)
                least[count, way.name] = {key: min(before[key], took[key]) for key in took}
    print(f"segments of {given.segment} photos; the least of {given.rounds} rounds")
    for count, way in product(sizes.values(), ways):
        print(f"  {count:6,} photos  {_told(least, count, way)}", flush=True)
    if len(sizes) > 1:
        _print_lines(least, list(sizes.values()), ways)


def _told(least: dict[tuple[int, str], Took], photos: int, way: Way) -> str:
    told = least[photos, way.name]
    line = f"{way.name:30} {told['wall_s']:7.1f} s {told['cpu_s']:7.1f} CPU s"
    if (of := least.get((photos, way.against))) is not None:
        line += f"  wall x {told['wall_s'] / of['wall_s']:.2f}"
        line += f"  CPU x {told['cpu_s'] / of['cpu_s']:.2f}"
    if "peak_mb" in told:
        line += f"  {told['peak_mb']:.0f} MB"
    if "start_s" in told:
        line += f"  (to start {told['start_s']:.1f} CPU s, to wait {told['idle']:.3f} a second)"
    return f"{line}  {told['faces']:.0f} faces, {told['people']:.0f} people"


def _print_lines(
    least: dict[tuple[int, str], Took], sizes: Sequence[int], ways: Sequence[Way]
) -> None:
    """What a run takes whatever it reads, and what a photo adds."""
    lines: dict[str, tuple[float, float]] = {}
    for way in ways:
        taken = [least[photos, way.name]["cpu_s"] for photos in sizes]
        each, fixed = np.polyfit(sizes, taken, 1).tolist()
        lines[way.name] = fixed, each
        line = f"  {way.name:30} {fixed:5.1f} CPU s, and {each * 1e3:5.1f} CPU ms a photo"
        if way.against in lines:
            of_fixed, of_each = lines[way.against]
            line += f": {fixed - of_fixed:+.1f} CPU s, a photo x {each / of_each:.3f}"
            over, room = fixed - WANTED * of_fixed, WANTED * of_each - each
            if room > 0:
                line += f"; x {WANTED} from {max(0, math.ceil(over / room)):,} photos on"
        print(line, flush=True)


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
) -> Took:
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


def _elsewhere(given: argparse.Namespace, way: Way, photos: Path, at: Path) -> Took:
    """indexed() in a process of its own, with the CPU seconds of all processes that worked for it:
    of that one, of those it began, and of Ray's.
    """
    how = {"at": str(at), "engine": way.engine, "tasks": way.tasks, "processes": way.processes}
    command = [
        *(sys.executable, "-m", "benchmarks.cluster", "throughput", str(photos)),
        *("--segment", str(given.segment), "--only", json.dumps(how)),
    ]
    more: Took = {}
    with ExitStack() as stack:
        environment = dict(os.environ)
        ray = stack.enter_context(nodes.cluster()) if way.engine == "ray" else None
        if ray is not None:
            environment |= ray.environment
            more["start_s"] = _of_ray(ray)
            time.sleep(IDLE_S)
            more["idle"] = (_of_ray(ray) - more["start_s"]) / IDLE_S
        before = _children_s() + _of_ray(ray)
        with (at.with_suffix(".json")).open("w+") as said:
            process = subprocess.Popen(command, stdout=said, env=environment)
            if given.memory and ray is None:
                more["peak_mb"] = watched(process).peak_mb
            if process.wait():
                raise RuntimeError(f"{way.name} ended with {process.returncode}")
            said.seek(0)
            told: Took = json.load(said)
        if ray is not None:
            time.sleep(SETTLE_S)
        took = _children_s() + _of_ray(ray) - before
    print(
        f"{photos.name} {way.name}: {told['wall_s']:.1f} s, {took:.1f} CPU s",
        file=sys.stderr,
        flush=True,
    )
    return told | more | {"cpu_s": took}


def _children_s() -> float:
    """CPU seconds of all children that have ended."""
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime


def _of_ray(ray: Any) -> float:
    """The same of Ray's processes."""
    return 0.0 if ray is None else sum(ray.cpu_s(node) for node in (0, 1))
