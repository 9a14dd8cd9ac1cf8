"""What a collection loses to crashes, power cuts, full disks and failing flushes: nothing.

    python -m benchmarks.crash                          every point, then 200 random kills
    python -m benchmarks.crash --most 20 --random 20    a sample
    python -m benchmarks.crash --only forget compact    every point of these operations

Every call by which an operation changes a file is struck in turn, by each kind of fault (told in
tests/helpers/faults.py); then writers are killed at random times while another one and a
reader go on. What is asserted after each trial is told in tests/helpers/crash.py and
crowd.py. Ends with 1 if anything did not hold. Faults need Linux and a C compiler; a small
disk needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HELPERS = ROOT / "tests" / "helpers"
OPERATIONS = (
    "fresh", "grow", "texts", "retry", "indexed", "migrate", "restore", "backup", "export",
    "forget", "forget-person", "compact", "reembed", "say", "group", "attach", "regions",
    "sidecars",
)  # fmt: skip
ACTIONS = (
    "kill", "torn", "power", "power-some", "twice", "full", "short", "io", "flush", "flush-once",
    "flush-kill", "size-limit", "small-disk",
)  # fmt: skip
COLUMNS = ("trials", "killed", "refused", "done", "acked", "lost", "wrong", "failed")

Trial = dict[str, Any]


def trials(script: str, *arguments: str) -> list[Trial]:
    """Run one of the two harnesses in a folder of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, HELPERS / script, folder, *arguments],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            check=True,
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


def at_every_point(
    only: Sequence[str], most: int | None, seed: int, processes: int
) -> Iterator[tuple[str, list[Trial]]]:
    """Each operation under each action: its name and what came of it."""
    options = ["--seed", str(seed), *([] if most is None else ["--most", str(most)])]
    pairs = [(operation, action) for operation in only for action in ACTIONS]
    with ThreadPoolExecutor(processes) as pool:
        made = pool.map(lambda pair: trials("crash.py", "--strike", *pair, *options), pairs)
        for (operation, action), found in zip(pairs, made, strict=True):
            yield f"{operation} {action}", found


def counts(made: Iterable[Trial]) -> Counter[str]:
    """Sums over trials."""
    total: Counter[str] = Counter()
    for trial in made:
        total["trials"] += 1
        total[trial.get("ended", "")] += 1
        total["failed"] += bool(trial["failures"])
        for name in ("acked", "lost", "wrong", "kills", "passes"):
            total[name] += trial.get(name, 0)
    return total


def told(name: str, found: list[Trial]) -> Counter[str]:
    """Print one row and what failed in it; returns its counts."""
    for trial in found:
        if "skipped" in trial:
            print(f"{name:22s} skipped: {trial['skipped']}", flush=True)
    made = [trial for trial in found if "skipped" not in trial]
    total = counts(made)
    if made:
        print(f"{name:22s}" + "".join(f"{total[key]:9d}" for key in COLUMNS), flush=True)
    for trial in made:
        for failure in trial["failures"]:
            where = f"{trial['at']} {trial['call']}" if "call" in trial else f"{trial['at_s']} s"
            print(f"  FAILED at {where}: {failure}", flush=True)
    return total


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--random", type=int, default=200, help="writers killed at random times")
    parser.add_argument("--most", type=int, help="trials of each fault; all points without it")
    parser.add_argument("--only", nargs="+", choices=OPERATIONS, default=OPERATIONS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    began = time.monotonic()
    print(f"{'operation, fault':22s}" + "".join(f"{name:>9s}" for name in COLUMNS))
    total: Counter[str] = Counter()
    for name, found in at_every_point(asked.only, asked.most, asked.seed, asked.processes):
        total += told(name, found)
    print(f"{'all':22s}" + "".join(f"{total[key]:9d}" for key in COLUMNS))
    print(f"{time.monotonic() - began:.0f} s\n\ntwo writers, a reader, random kills")
    began = time.monotonic()
    crowd = trials("crowd.py", "--kills", str(asked.random), "--seed", str(asked.seed))
    random = told("crowd", crowd)
    print(
        f"{random['kills']} writers killed at work in {random['trials']} trials, "
        f"{random['passes']} passes of the reader, {time.monotonic() - began:.0f} s"
    )
    return (
        1
        if any(sums[key] for sums in (total, random) for key in ("lost", "wrong", "failed"))
        else 0
    )


if __name__ == "__main__":
    raise SystemExit(main())
