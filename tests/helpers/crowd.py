"""Two writers and a reader at one collection, and writers that are killed at random times.

The writers' folders overlap. A killed writer is started again while the others go on; none
of them may suffer from it. One JSON line a trial goes to stdout:

    python tests/helpers/crowd.py EMPTY_FOLDER [--kills 200] [--files 24] [--seed 1]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from crash_process import Outcome, acknowledge_to, acknowledged, forked, start, wait, watch
from crash_state import (
    EMPTY,
    State,
    damage,
    findings,
    misfound,
    read_state,
    search,
    search_texts,
)

from crash_operations import prose, rehearse  # isort: skip - after crash_process
from retrieve.indexes.collection import open_collection  # isort: skip

FOLDERS = {"first": 1.0, "second": 1.0, "both": 0.5, "before": 1.0}  # files, of --files
TEXT_EVERY = 4  # of them is a text and no photo
WRITERS = (("first", "both"), ("both", "second"))
READER = len(WRITERS)  # its number
VICTIMS = ([0], [1], [0, 1], [0, READER])
SEARCHES = 3  # of a reader between opening and closing
WORDS, TEXTS = 6, 2  # that it looks for at once


@dataclass(slots=True)
class CrowdTrial:
    """What came of killing.

    kills     writers that were still at work when they were killed
    acked     faces and passages that were acknowledged before
    lost      photos, paths and passages that were acknowledged and are not there any more
    wrong     faces and passages with another vector or other words than their own
    passes    times that the reader looked
    failures  every assertion that did not hold
    """

    at_s: float
    kills: int = 0
    acked: int = 0
    lost: int = 0
    wrong: int = 0
    passes: int = 0
    failures: list[str] = field(default_factory=list)


class Crowd:
    """A collection that both writers add to, prepared once."""

    def __init__(self, folder: Path, files: int) -> None:
        self.folder, self.photos = folder, folder / "photos"
        counts = {name: round(share * files) for name, share in FOLDERS.items()}
        self.before, self.collection = folder / "before", folder / "collection"
        for name, count in counts.items():
            (self.photos / name).mkdir(parents=True)
            for i in range(count):
                file = self.photos / name / f"{i:02}"
                words = " ".join(f"{name}{i}-{j}" for j in range(1 + i % 3))
                if i % TEXT_EVERY:
                    file.with_suffix(".jpg").write_text(words)
                else:
                    file.with_suffix(".md").write_text(prose(f"{name}{i}"))
        made = forked(lambda: self._index(self.before, ("before",)), self._file("prepare"))
        assert made.complaint is None, made.complaint
        self.end = EMPTY
        self._started = 0
        for _ in range(2):  # the first run is slower
            uninterrupted = self.trial(0, [])
            self.takes_s = self.took_s
        assert not uninterrupted.failures, uninterrupted.failures
        assert len(self.end.photos) == sum(counts.values())

    def trial(self, at_s: float, victims: list[int]) -> CrowdTrial:
        """Kill these (writers 0 and 1, reader 2) that long after all have begun."""
        self._reset()
        trial = CrowdTrial(at_s)
        began = time.monotonic()
        pids = [self._start(i) for i in range(READER + 1)]
        if victims:
            time.sleep(at_s)
        for i in victims:
            os.kill(pids[i], signal.SIGKILL)
        for i in victims:
            ended = wait(pids[i], self._result(i))
            trial.kills += i != READER and ended.signal == signal.SIGKILL
        trial.acked = max((state.items for state in self._said()), default=0)
        for i in victims:
            pids[i] = self._start(i)
        for i in range(READER):
            self._judge(trial, wait(pids[i], self._result(i)), f"writer {i}")
        self.took_s = time.monotonic() - began
        self._file("stop").touch()
        trial.passes, seen = self._judge(
            trial, wait(pids[READER], self._result(READER)), "reader"
        ) or (0, [])
        trial.failures += seen
        looked = forked(self._look, self._file("look"))
        text, strange = self._judge(trial, looked, "afterwards") or (EMPTY.to_json(), [])
        trial.failures += strange
        self._compare(State.from_json(text), trial)
        return trial

    def _compare(self, state: State, trial: CrowdTrial) -> None:
        """What is there at the end with what was said on the way."""
        said = self._said()
        missing = {item for each in said for item in state.lacks(each, each)}
        trial.lost, trial.wrong = len(missing), len(state.wrong)
        trial.failures += [f"acknowledged and lost: {item}" for item in sorted(missing)]
        trial.failures += [f"acknowledged with wrong vectors: {s.wrong}" for s in said if s.wrong]
        if self.end == EMPTY:
            self.end = state
        elif state != self.end:
            trial.failures.append("ends elsewhere than the uninterrupted run")

    def _start(self, i: int) -> int:
        # A killed writer may have left half a line in its file: each has its own.
        self._started += 1
        acks = self._file(f"acks{self._started}")

        def write() -> None:
            acknowledge_to(acks, self.collection)
            self._index(self.collection, WRITERS[i])

        return start(self._read if i == READER else write, self._result(i))

    def _index(self, collection: Path, folders: tuple[str, ...]) -> None:
        with open_collection(collection, create=True) as opened:
            opened.index([self.photos / name for name in folders])

    def _read(self) -> tuple[int, list[str]]:
        """Look until told to end; returns how often, and what was wrong."""
        before = read_state(self.before)
        always = ((search, before.words(), WORDS), (search_texts, before.texts(), TEXTS))
        rng = np.random.default_rng(1)
        passes, wrong = 0, []
        had = dict.fromkeys(("photos", "faces", "texts", "passages"), 0)
        while not wrong and not (passes and self._file("stop").exists()):
            with open_collection(self.collection) as collection:
                for _ in range(SEARCHES):
                    for look, there, count in always:
                        wanted = sorted(rng.choice(there, count, replace=False).tolist())
                        found, strange = look(collection, wanted)
                        wrong += strange
                        wrong += [f"{one[:30]} is not found" for one in wanted if not found[one]]
                    now = {name: collection.info().counts[name] for name in had}
                    if any(now[name] < had[name] for name in had):
                        wrong.append(f"{had} became {now}")
                    had = now
                    passes += 1
        return passes, wrong

    def _look(self) -> tuple[str, list[str]]:
        state = read_state(self.collection)
        wrong = damage(self.collection) + misfound(self.collection, state)
        return state.to_json(), wrong + findings(self.collection)

    def _judge(self, trial: CrowdTrial, outcome: Outcome, who: str) -> Any:
        if outcome.complaint:
            trial.failures.append(f"{who}: {outcome.complaint}")
        return outcome.value

    def _said(self) -> list[State]:
        """Every state that a writer acknowledged."""
        return [state for path in self._acks() for state in acknowledged(path)]

    def _acks(self) -> list[Path]:
        return list(self.folder.glob("acks*"))

    def _result(self, i: int) -> Path:
        return self._file(f"result{i}")

    def _file(self, name: str) -> Path:
        return self.folder / name

    def _reset(self) -> None:
        shutil.rmtree(self.collection, ignore_errors=True)
        shutil.copytree(self.before, self.collection)
        for path in (*self._acks(), self._file("stop")):
            path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--files", type=int, default=24, help="that each writer alone indexes")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    watch()
    rehearse(asked.folder.resolve() / "rehearsal")
    gc.freeze()
    crowd = Crowd(asked.folder.resolve(), asked.files)
    rng = np.random.default_rng(asked.seed)
    kills = 0
    while kills < asked.kills:
        victims = VICTIMS[rng.integers(len(VICTIMS))]
        trial = crowd.trial(round(float(rng.uniform(0, crowd.takes_s)), 4), victims)
        kills += trial.kills
        print(json.dumps({"action": "crowd", **asdict(trial)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
