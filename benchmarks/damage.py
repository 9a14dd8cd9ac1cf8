"""What damage and planted files do to a collection: an answer changes with a word, or not at all.

    python -m benchmarks.damage                 every kind
    python -m benchmarks.damage --only places   links, pipes, cut and missing files
    python -m benchmarks.damage --every 10      each tenth trial

A trial damages a copy of a small collection (told in tests/helpers/damage.py) and runs commands
on it: searches for a face and for words, people, check, repair; where files were planted also
index, forget and compact. An answer that differs has to be refused, or check has to tell. Ends with
1 if one was wrong without a word, a command ended with a traceback or did not end, or anything was
written outside of the collection.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import damage

KINDS = ("cells", "content", "anywhere", "pages", "places", "backups")
COLUMNS = ("trials", "changed", "refused", "by check", "mended", "failed")
EACH = 40  # bits anywhere in a file


def trials(
    ground: damage.Ground, kind: str, seed: int
) -> Iterator[tuple[str, Callable[[Path], None]]]:
    rng = random.Random(f"{kind} {seed}")
    match kind:
        case "cells":
            for _ in range(3):
                yield from damage.bits_of_cells(ground, rng)
        case "content":
            yield from damage.bits_of_content(ground, rng)
        case "anywhere":
            yield from damage.bits_anywhere(ground, rng, EACH)
        case "pages":
            yield from damage.pages(ground, rng)
        case "places":
            yield from damage.places(ground)


def tried(ground: damage.Ground, kind: str, seed: int, every: int) -> Iterator[damage.Trial]:
    for i, (name, how) in enumerate(trials(ground, kind, seed)):
        if i % every == 0:
            with suppress(damage.Impossible):
                yield ground.trial(name, how, write=kind == "places")


def hostile(folder: Path, ground: damage.Ground) -> Iterator[damage.Trial]:
    """Restoring each backup of tests/helpers/hostile.py: one line, soon, and nothing in place."""
    import hostile as backups

    good = backups.make(folder / "good")
    for name in backups.HOSTILE:
        trial = damage.Trial(f"backup: {name}")
        file, into = backups.write(good, name, folder / "hostile.tar"), folder / "restored"
        said = ground.command("restore", str(file), "--collection", str(into))
        trial.told = int(bool(said.code and said.err))
        if said.traceback or said.hung:
            trial.failures.append(said.traceback or "hung")
        if not said.code or into.exists():
            trial.failures.append("was restored")
        yield trial


def counted(name: str, made: Iterator[damage.Trial]) -> Counter[str]:
    """Print a row, and what failed; returns its counts."""
    total: Counter[str] = Counter()
    for trial in made:
        total["trials"] += 1
        total["changed"] += bool(trial.changed)
        total["refused"] += bool(trial.changed and trial.told == trial.changed)
        total["by check"] += trial.by_check
        total["mended"] += bool(trial.repaired)
        total["failed"] += bool(trial.failures)
        for failure in trial.failures:
            print(f"  FAILED {trial.name}: {failure}", flush=True)
    print(f"{name:10s}" + "".join(f"{total[key]:10d}" for key in COLUMNS), flush=True)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    total: Counter[str] = Counter()
    print(f"{'damage':10s}" + "".join(f"{name:>10s}" for name in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        ground = damage.Ground(Path(folder) / "ground")
        for kind in asked.only:
            if kind != "backups":
                total += counted(kind, tried(ground, kind, asked.seed, asked.every))
            elif find_spec("hostile"):
                total += counted(kind, hostile(Path(folder), ground))
    print(f"{'all':10s}" + "".join(f"{total[key]:10d}" for key in COLUMNS))
    print(f"{time.monotonic() - began:.0f} s")
    return int(total["failed"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
