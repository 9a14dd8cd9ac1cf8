"""A search of many shards beside one of a collection that holds the same.

    python -m benchmarks.cluster fanout --at FOLDER [--shards 8] [--rows 1000000] [--dim 192]

What is searched is built below FOLDER once (benchmarks/cluster/built.py): 8 x 1,000,000 x 192 take
21 GB there. Each is measured in a process of its own, warm: CPU milliseconds of all its threads
for a probe, k = 10, the best of several rounds; the clock beside them; recall@10 against every row
scored; memory that no file stands behind. Before that the first answer, of embeddings that are on
the disk alone, opening and reading the indexes included, and how much of them it read from there.
The engine is local: shards are served by threads.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cluster import built
from benchmarks.made import Made
from benchmarks.search import anonymous_bytes
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.opening import open_collection
from retrieve.types import Embeddings

K = 10
ROUNDS = 5
CONDITIONS = {"all": Filter(), "one year of 25": Filter(since="2010", until="2010")}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--at", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N", help="of a shard")
    parser.add_argument("--dim", type=int, default=192, metavar="D")
    parser.add_argument("--probes", type=int, default=50, metavar="P")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)  # measure that, print JSON


def run(given: argparse.Namespace) -> None:
    """Build what is not there, measure both, and say what each takes."""
    if given.only is not None:
        print(json.dumps(measured(given.only, _probes(given))))
        return
    shape = given.shards, given.rows, given.dim
    before = time.process_time()
    cluster = built.cluster_of(given.at, *shape)
    one = built.collection_of(given.at, cluster, *shape)
    print(f"{given.shards} x {given.rows:,} x {given.dim}", flush=True)
    if time.process_time() - before > 1:
        print(f"built in {time.process_time() - before:.0f} CPU s", flush=True)
    exact = exactly(one, _probes(given))
    for name, folder in (("one collection", one), (f"{given.shards} shards", cluster)):
        told = _elsewhere(given, folder)
        print(
            f"{name}: {told['memory_mb']:.0f} MB of memory; first answer {told['first_cpu_s']:.2f} "
            f"CPU s, {told['first_s']:.1f} s, {told['read_mb']:.0f} MB read"
        )
        for condition in CONDITIONS:
            cpu, clock, found = (told[condition][key] for key in ("cpu_ms", "clock_ms", "found"))
            pairs = zip(found, exact[condition], strict=True)
            recall = np.mean([len(set(a) & set(b)) / K for a, b in pairs])
            print(
                f"  {condition:16} {cpu:8.2f} CPU ms   {clock:8.2f} ms   recall@10 {recall:.4f}",
                flush=True,
            )


def measured(folder: Path, probes: Embeddings) -> dict[str, Any]:
    """What a probe costs, and which faces it finds, as path and number."""
    told: dict[str, Any] = {}
    _put_out_of_memory(folder)
    held, read = anonymous_bytes(), _read_mb()
    cpu, clock = time.process_time(), time.perf_counter()
    with open_collection(folder) as opened:
        opened.nearest(probes[:1], k=K)
        told["first_cpu_s"] = time.process_time() - cpu
        told["first_s"] = time.perf_counter() - clock
        told["read_mb"] = _read_mb() - read
        for name, wanted in CONDITIONS.items():

            def ask(probe: Embeddings, wanted: Filter = wanted) -> list[str]:
                (hits,) = opened.nearest(probe, k=K, wanted=wanted)
                return [f"{hit.path}:{hit.number}" for hit in hits]

            found = [ask(probes[i : i + 1]) for i in range(len(probes))]
            cpu, clock = _least(ask, probes)
            told[name] = {"cpu_ms": cpu, "clock_ms": clock, "found": found}
        told["memory_mb"] = (anonymous_bytes() - held) / 1e6
    return told


def _put_out_of_memory(folder: Path) -> None:
    """Let the system keep nothing of the embeddings, which nobody has open."""
    for path in folder.rglob("*.f32"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_mb() -> float:
    """What this process has read from disks."""
    told = Path("/proc/self/io").read_text(encoding="ascii")
    return int(told.split("read_bytes:")[1].split()[0]) / 1e6


def exactly(folder: Path, probes: Embeddings) -> dict[str, list[list[str]]]:
    """The faces that are found where every row is scored."""
    with open_collection(folder) as opened:
        return {
            name: [
                [f"{hit.path}:{hit.number}" for hit in hits]
                for hits in opened.nearest(probes, k=K, wanted=wanted, exact=True)
            ]
            for name, wanted in CONDITIONS.items()
        }


def _least(ask: Callable[[Embeddings], object], probes: Embeddings) -> tuple[float, float]:
    """CPU and clock milliseconds of a probe, the least of several rounds."""
    cpu, clock = [], []
    for _ in range(ROUNDS):
        before, began = time.process_time(), time.perf_counter()
        for i in range(len(probes)):
            ask(probes[i : i + 1])
        cpu.append((time.process_time() - before) / len(probes) * 1e3)
        clock.append((time.perf_counter() - began) / len(probes) * 1e3)
    return min(cpu), min(clock)


def _probes(given: argparse.Namespace) -> Embeddings:
    return Made(given.shards * given.rows, given.dim).sample(given.probes, 0)


def _elsewhere(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """measured() in a process of its own."""
    more = [
        f"--{name}={getattr(given, name)}" for name in ("at", "shards", "rows", "dim", "probes")
    ]
    command = [sys.executable, "-m", "benchmarks.cluster", "fanout", *more, "--only", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
