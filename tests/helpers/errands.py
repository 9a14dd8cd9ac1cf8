"""Tasks and questions for engines of a cluster: functions that other machines can import."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from retrieve.errors import BadInput
from retrieve.indexes.collection import Collection


def doubled(number: int, folder: Path, nodes: int) -> tuple[int, str]:
    """Twice that, and on which node (raylets.py), once so many nodes have come to have a task."""
    node = os.environ.get("RETRIEVE_TEST_NODE", "")
    (folder / node).touch()
    until = time.monotonic() + 600
    while len(list(folder.iterdir())) < nodes:
        if time.monotonic() > until:
            raise BadInput(f"wanted tasks on {nodes} nodes; only {node} has any")
        time.sleep(0.02)
    return number * 2, node


def written(number: int, folder: Path, pause_s: float) -> int:
    """A file that appears whole, after a while: as a segment is."""
    part = folder / f".{number}.part"
    with part.open("w") as file:
        for line in range(10):
            print(number, line, file=file, flush=True)
            time.sleep(pause_s / 10)
    part.rename(folder / f"{number}")
    with (folder / "log").open("a") as log:
        print(number, file=log)
    return number


def killed(number: int, marks: Path, times: int) -> int:
    """Kills its own process so many times, and returns then."""
    before = len(list(marks.glob(f"{number}-*")))
    if before < times:
        (marks / f"{number}-{before}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refused(number: int) -> None:
    """Raises what is told in our words."""
    raise BadInput(f"wanted anything but {number}")


def stumbled(number: int) -> None:
    """Raises what nobody foresaw."""
    raise ValueError(f"{number} of all numbers")


def slept(seconds: float, mark: Path) -> None:
    """Takes its time."""
    mark.touch()
    for _ in range(int(seconds * 10)):
        time.sleep(0.1)
    mark.with_suffix(".ended").touch()


def marked(mark: Path, wanted: Path | None = None) -> None:
    """Says that it has begun; ends when that other file is there."""
    mark.touch()
    until = time.monotonic() + 120
    while wanted is not None and not wanted.exists():
        if time.monotonic() > until:
            raise BadInput(f"{wanted.name} never came")
        time.sleep(0.02)


def searched_for_modules() -> list[str]:
    """Where Python looks for modules."""
    return sys.path


def paths(collection: Collection, more: str = "") -> list[str]:
    """A question: the files of a shard, and what this one alone was asked with."""
    query = "SELECT path FROM paths ORDER BY path"
    return [*(os.fsdecode(path) for (path,) in collection.db.execute(query)), more]


def grumbled(collection: Collection) -> None:
    """A question that is refused."""
    raise BadInput(f"wanted another collection than {collection.path.name}")


def process(collection: Collection) -> tuple[str, int]:
    """A question: on which node it is answered, and by which process."""
    return os.environ.get("RETRIEVE_TEST_NODE", ""), os.getpid()


def stored(collection: Collection) -> list[tuple[str, str, list[int]]]:
    """A question: each file with its checksum, and where its faces are, in pixels."""
    query = (
        "SELECT path, sha256, (SELECT json_group_array(round(x1)) FROM faces WHERE content_id = "
        "contents.id) FROM paths JOIN contents ON contents.id = content_id"
    )
    return [
        (os.fsdecode(path), sha256, sorted(json.loads(faces)))
        for path, sha256, faces in collection.db.execute(query)
    ]
