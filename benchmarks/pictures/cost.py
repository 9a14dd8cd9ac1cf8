"""What looking at whole photos costs: time beside the faces, room on disk, a query."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from retrieve.indexes.collection import open_collection

ROUNDS = 3  # with and without, in turns
PHOTOS = 40
QUERIES = 20
# A process for each run, so that what it leaves warm helps no other; its children's time counts.
INDEX = (
    "import os, sys, retrieve\n"
    "with retrieve.open_collection(sys.argv[2], create=True) as collection:\n"
    "    report = collection.index([sys.argv[1]], processes=1, pictures=sys.argv[3] == 'yes')\n"
    "print(report.new)\n"
)


def report(folder: Path) -> None:
    """Print it of wider_dev, everyday photos with faces."""
    every = sorted((folder / "wider_dev").rglob("*.jpg"))[:PHOTOS]
    cpu: dict[str, list[float]] = {"yes": [], "no": []}
    with tempfile.TemporaryDirectory() as below:
        photos = Path(below, "photos")
        photos.mkdir()
        for path in every:
            shutil.copy(path, photos / path.name)
        for turn in range(ROUNDS):
            for pictures in cpu if turn % 2 else reversed(cpu):
                collection = Path(below, f"{pictures}{turn}")
                spent, new = _indexed(photos, collection, pictures)
                cpu[pictures].append(1000 * spent / new)
        with_it, without = (statistics.median(cpu[one]) for one in ("yes", "no"))
        sizes = {one: _bytes(Path(below, f"{one}0")) for one in cpu}
        print(
            f"cost, {new} photos of wider_dev: {with_it:.1f} CPU ms a photo, without "
            f"{without:.1f}: {with_it - without:.1f} more (median of {ROUNDS}, in turns)"
        )
        print(f"disk: {(sizes['yes'] - sizes['no']) / new:,.0f} bytes a photo")
        _query(Path(below, "yes0"), every[:QUERIES])


def _indexed(photos: Path, collection: Path, pictures: str) -> tuple[float, int]:
    """CPU seconds of a run with all its processes, and the photos that are new."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", INDEX, str(photos), str(collection), pictures],
        check=True,
        capture_output=True,
        text=True,
    )
    after = os.times()
    spent = (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )
    return spent, int(done.stdout)


def _bytes(collection: Path) -> int:
    return sum(path.stat().st_size for path in collection.rglob("*") if path.is_file())


def _query(collection: Path, photos: list[Path]) -> None:
    """The first query of a process, and the next ones."""
    begun = time.process_time()
    times = []
    with open_collection(collection, read_only=True) as opened:
        for path in photos:
            opened.search_pictures(path)
            now = time.process_time()
            times.append(1000 * (now - begun))
            begun = now
    print(
        f"query: first {times[0]:.0f} CPU ms, then {statistics.median(times[1:]):.1f} "
        "(decoding is done in a process of its own, and not counted)"
    )
