"""Moving a collection to another embedder: how long it takes, and what kills do to it.

    python -m benchmarks.reembedding FOLDER                       time of the move of its photos
    python -m benchmarks.reembedding FOLDER --photos 60 --kills 100

Photos below FOLDER are indexed by --before and moved to --after. With --kills the command is
killed, with the processes that read for it, at random moments of the time that it takes, again and
again, each time going on with what was left, until the move comes through; then it begins anew with
the collection as it was. After each kill `retrieve check` has to find nothing wrong, except traces
of what was deleted, which the next run of the command has to remove; each face has to be there with
its id, box, landmarks and name, and a search for it has to find it; the vectors have to be the old
ones, or those of a move that nobody disturbed but for the last bits. Ends with 1 if anything did
not hold.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.watched import watched
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.people import statements
from retrieve.indexes.reembedding.staged import halfway
from retrieve.indexes.upkeep.check import TRACES_LEFT, check
from retrieve.types import Embeddings

Stays = list[tuple[Any, ...]]
NAMED_EVERY = 5  # of the faces one has a name
# Of a number: two moves that nobody disturbs differ by 1.2e-7 in a few rows, because workers finish
# in another order and a network rounds otherwise in another batch.
LAST_BITS = 1e-6
SAME = 1 - 1e-5  # score of a vector with itself, in float32
ABOUT = (
    "SELECT faces.id, sha256, number, x1, y1, x2, y2, landmarks, score, name FROM faces "
    "JOIN contents ON contents.id = content_id LEFT JOIN persons ON persons.id = person_id "
    "ORDER BY faces.id"
)


def prepared(folder: Path, photos: list[Path], before: str) -> Path:
    """A collection of some photos, one face in five with a name."""
    with open_collection(folder, create=True, embedder=before) as collection:
        collection.index(photos)
        ids = [id for (id,) in collection.db.execute("SELECT id FROM faces ORDER BY id")]
        with writing(collection.db):
            for id in ids[::NAMED_EVERY]:
                statements.say_name(collection.db, f"Person {id}", [id])
    return folder


def move(folder: Path, after: str) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    command = [sys.executable, "-m", "retrieve.cli", "reembed", "--model", after]
    return subprocess.Popen(
        [*command, "--collection", str(folder), "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def moved(folder: Path, after: str) -> tuple[float, float]:
    """Move it undisturbed; seconds, and CPU seconds of all its processes."""
    began = time.monotonic()
    process = move(folder, after)
    use = watched(process)
    if process.returncode:
        raise RuntimeError(f"retrieve reembed ended with {process.returncode}")
    return time.monotonic() - began, use.cpu_s


def about(collection: Collection) -> Stays:
    """All of its faces that has to stay."""
    return collection.db.execute(ABOUT).fetchall()


def vectors(collection: Collection) -> Embeddings:
    """In the order of the faces' ids."""
    rows = [row for (row,) in collection.db.execute("SELECT row FROM faces ORDER BY id")]
    return np.array(collection.faces.gallery()[rows])


def wrong(folder: Path, stays: Stays, held: str, ends: dict[str, Embeddings]) -> Iterator[str]:
    """What does not hold of a collection that a kill has left.

    held  the embedder before the move, whose vectors are never made again
    ends  the vectors that it may have, by embedder
    """
    with open_collection(folder) as collection:
        yield from (one.what for one in check(collection) if one.wrong)
        if about(collection) != stays:
            yield "a face, a box or a name is another"
        own = vectors(collection)
        embedder = collection.faces.required().made_by["embedder"]
        apart = np.abs(own - ends[embedder]).max()
        if apart > (0 if embedder == held else LAST_BITS):
            yield f"vectors of {embedder} are others, by up to {apart:g}"
        for (id, *_), hits in zip(stays, collection.nearest(own, k=5), strict=True):
            if id not in {hit.face_id for hit in hits if hit.score >= SAME}:
                yield f"face {id} does not find itself"


def killed(
    before: Path, work: Path, after: str, kills: int, seed: int, ends: dict[str, Embeddings]
) -> int:
    """Kill as often as that; returns how many things did not hold."""
    rng = np.random.default_rng(seed)
    with open_collection(before) as collection:
        stays = about(collection)
    held = collection_embedder(before)
    shutil.copytree(before, work)
    takes_s, _ = moved(work, after)
    done = failures = came_through = halfways = at_start = at_end = traces_removed = 0
    fresh = True
    while done < kills:
        if fresh:
            shutil.rmtree(work)
            shutil.copytree(before, work)
        process = move(work, after)
        time.sleep(rng.uniform(0, takes_s))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            done += 1
        process.wait()
        complaints = list(wrong(work, stays, held, ends))
        if TRACES_LEFT.what in complaints:
            complaints.remove(TRACES_LEFT.what)
            moved(work, after)
            complaints += wrong(work, stays, held, ends)
            traces_removed += 1
        for what in complaints:
            failures += 1
            print(f"FAILED after kill {done}: {what}", flush=True)
        with open_collection(work) as collection:
            there = halfway(collection.db, work)
        moved_over = collection_embedder(work) != held
        halfways += there is not None and there.faces > 0
        at_end += moved_over and process.returncode != 0
        at_start += there is None and not moved_over
        fresh = moved_over
        came_through += moved_over
    print(
        f"{done} kills: {at_start} before anything was stored, {halfways} with faces staged, "
        f"{at_end} behind the switch, {traces_removed} of them with traces of the old for the next "
        f"run to remove; the move came through {came_through} times; "
        f"{failures} things did not hold"
    )
    return failures


def collection_embedder(folder: Path) -> str:
    with open_collection(folder) as collection:
        return collection.faces.required().made_by["embedder"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, help="so many, evenly spread; all without it")
    parser.add_argument("--before", default="dlib-resnet")
    parser.add_argument("--after", default="mobilefacenet")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    photos = sorted(path for path in asked.folder.rglob("*.jpg"))
    if asked.photos is not None:
        places = np.linspace(0, len(photos) - 1, asked.photos).round().astype(int)
        photos = [photos[place] for place in places]
    with tempfile.TemporaryDirectory() as temporary:
        before = prepared(Path(temporary) / "before", photos, asked.before)
        after = Path(temporary) / "after"
        shutil.copytree(before, after)
        took_s, used_s = moved(after, asked.after)
        ends = {}
        for folder in (before, after):
            with open_collection(folder) as collection:
                ends[collection.faces.required().made_by["embedder"]] = vectors(collection)
                faces = collection.info().counts["faces"]
        print(
            f"{asked.before} to {asked.after}: {len(photos)} photos with {faces} faces in "
            f"{took_s:.1f} s, {used_s:.1f} CPU s ({1e3 * used_s / len(photos):.1f} CPU ms a photo)",
            flush=True,
        )
        if not asked.kills:
            return 0
        work = Path(temporary) / "work"
        return 1 if killed(before, work, asked.after, asked.kills, asked.seed, ends) else 0


if __name__ == "__main__":
    raise SystemExit(main())
