"""What a run keeps beside the shards while it lasts: lists of files, and how far each task is.

It lies where every machine sees it, and goes when the run ends. Paths stand in it: forgetting has
to remove what a run that died has left (remove()).
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from retrieve.indexes.building.build import Progress
from retrieve.indexes.building.storing import Report
from retrieve.indexes.files import is_plain_folder, open_regular
from retrieve.types import Skipped

WORK = "work"  # in the folder of a cluster
TELL_S = 0.5  # between two lines of a task on how far it is
END = b"\0"  # of a path: no path holds one
BLOCK_BYTES = 1 << 20


def remove(folder: Path) -> None:
    """Remove what a run in the cluster's folder has left; call inside coordinating()."""
    shutil.rmtree(folder / WORK, ignore_errors=True)


def begin(folder: Path) -> Path:
    """An empty folder for a run; raises Strange if something else lies in its place."""
    remove(folder)
    is_plain_folder(folder / WORK)
    (folder / WORK).mkdir(mode=0o700)
    return folder / WORK


def write_list(path: Path, files: Iterable[bytes]) -> int:
    """Write a list of files; returns how many they are."""
    count = 0
    with os.fdopen(open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        for one in files:
            file.write(one + END)
            count += 1
        file.flush()
        os.fsync(file.fileno())  # another machine reads it
    return count


def read_list(path: Path) -> Iterator[Path]:
    """The files of a list."""
    rest = b""
    with os.fdopen(open_regular(path), "rb") as file:
        while block := file.read(BLOCK_BYTES):
            *whole, rest = (rest + block).split(END)
            for one in whole:
                yield Path(os.fsdecode(one))


@dataclass(slots=True)
class Telling:
    """How far a task is, in a file that who began it reads now and then."""

    path: Path
    _last: float = 0.0
    _said: dict[str, Any] = field(default_factory=dict)

    def progress(self, step: Progress) -> None:
        """Of the files."""
        self._tell({"step": asdict(step)})

    def words(self, done: int, of: int) -> None:
        """Of the pictures that are read."""
        self._tell({"words": [done, of]})

    def end(self, report: Report) -> None:
        """What it did, for whoever waits no longer for its answer."""
        self._last = 0.0
        said = {name: value for name, value in _fields(report) if isinstance(value, int)} | {
            name: [[str(one.path), one.reason] for one in value]
            for name, value in _fields(report)
            if isinstance(value, list)
        }
        self._tell({"report": said})

    def _tell(self, what: dict[str, Any]) -> None:
        self._said |= what
        now = time.monotonic()
        if now - self._last < TELL_S:
            return
        self._last = now
        aside = self.path.with_suffix(".new")
        with os.fdopen(open_regular(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as file:
            json.dump(self._said, file)
        os.replace(aside, self.path)  # noqa: PTH105


def told(path: Path) -> dict[str, Any]:
    """What a task said last; nothing where it has said nothing yet."""
    try:
        with os.fdopen(open_regular(path), "r") as file:
            said: dict[str, Any] = json.load(file)
            return said
    except FileNotFoundError:
        return {}


def told_report(path: Path) -> Report:
    """The report of a task whose answer nobody got; with what it said last where it was lost."""
    said = told(path)
    found = Report()
    if "step" in said:
        step = Progress(**said["step"])
        found.new, found.faces, found.passages = step.new, step.faces, step.passages
    for name, value in said.get("report", {}).items():
        if isinstance(value, list):
            value = [Skipped(Path(one), reason) for one, reason in value]
        setattr(found, name, value)
    return found


def _fields(report: Report) -> list[tuple[str, Any]]:
    return [(name, getattr(report, name)) for name in Report.__dataclass_fields__]
