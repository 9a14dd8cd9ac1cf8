"""Operations on a collection, stopped at every point where they change a file.

Runs in a process that preloads faults.c; each trial is a fork of it, so that it takes a
tenth of a second. One JSON line a trial goes to stdout, for people python -m benchmarks.crash:

    python tests/helpers/crash.py EMPTY_FOLDER --strike OPERATION ACTION… [--most 10]

ACTION=5 is for at most five trials of it. OPERATION+MUTANT does it on a store that is broken on
purpose, up to the first trial that finds this out.

An operation's uninterrupted run says through which states it goes, one a commit. After a
trial the collection has to be in the last state that was acknowledged or in the one that was
just being committed, every vector has to be that of its face, and the operation, run again,
has to come to the uninterrupted run's end.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import faults
from crash_plan import plan, sample
from crash_process import (
    MUTANTS,
    Outcome,
    acknowledge_to,
    acknowledged,
    forked,
    limit_files,
    watch,
)
from crash_state import State, damage, findings, misfound, read_state
from faults import Action, Fault, Kind, Unavailable
from small_disk import SmallDisk

from retrieve.errors import CollectionError

from crash_operations import OPERATIONS, rehearse  # isort: skip - after crash_process

PAGE = 4096
MOST_FAILURES = 5  # told of one trial


@dataclass(slots=True)
class Trial:
    """What came of one fault.

    at        the number of the call, or the bytes that were left
    call      at which it struck
    acked     faces and passages that were acknowledged before
    lost      photos, paths and passages that were acknowledged and are not there any more
    wrong     faces and passages with another vector or other words than their own
    ended     how the run ended: killed, refused, done
    failures  every assertion that did not hold
    """

    operation: str
    action: str
    at: int
    call: str
    acked: int = 0
    lost: int = 0
    wrong: int = 0
    ended: str = ""
    failures: list[str] = field(default_factory=list)


class Bench:
    """One operation, prepared once; trials are made on copies of what stands before."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.operation = OPERATIONS[name.partition("+")[0]]
        self.photos, self.before = folder / "photos", folder / "before"
        self.disk, self.crashed = folder / "disk", folder / "crashed"
        self.collection = self.disk / "collection"
        self.graveyard, self.acks = self.disk / "graveyard", folder / "acks"
        self.result = folder / "result"
        self.disk.mkdir()
        if self.operation.set_up is not None:
            self.operation.set_up()
        outcome = forked(lambda: self.operation.prepare(self.photos, self.before), self.result)
        assert outcome.complaint is None, outcome.complaint
        self._uninterrupted(folder / "calls")

    def _uninterrupted(self, calls: Path) -> None:
        self._reset()
        log = os.open(calls, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        outcome = self._run(Fault(Action.COUNT), log=log)
        assert outcome.complaint is None, outcome.complaint
        lines = [line.split(" ", 1) for line in calls.read_text().splitlines()]
        self.calls = [(Kind(int(kind)), call) for kind, call in lines]
        self.states = [read_state(self.before)]
        for state in acknowledged(self.acks):
            if state != self.states[-1]:
                self.states.append(state)
        self.files = self._names()
        end = read_state(self.collection)
        if end != self.states[-1]:
            self.states.append(end)  # of an operation that commits by renaming its folder
        assert not any(state.wrong for state in self.states), "vectors are wrong without a fault"

    def points(self, kinds: Kind) -> range:
        """The numbers of the uninterrupted run's calls of these kinds."""
        return range(1, 1 + sum(bool(kind & kinds) for kind, _ in self.calls))

    def trial(
        self,
        action: str,
        *struck: Fault,
        limit_bytes: int | None = None,
        disk: SmallDisk | None = None,
    ) -> Trial:
        """Run into the faults, one run each, then look at what is left and finish.

        limit_bytes  longest file that may be written
        disk         has no more room than the first fault's `at`
        """
        self._reset()
        trial = Trial(self.name, action, struck[0].at, self._call(struck[0]))
        reached = self.states[0]
        if disk is not None:
            disk.leave_free(struck[0].at)
        for i, fault in enumerate(struck):
            outcome = self._run(fault, limit_bytes=limit_bytes)
            self._bury()
            self._judge_ending(outcome, trial)
            survived = fault.is_deadly and trial.ended != "killed"
            if i == 0 and survived and not self.operation.threads:
                trial.failures.append("ended before the fault")
            reached = self._latest(acknowledged(self.acks)) or reached
        trial.acked = reached.items
        shutil.rmtree(self.crashed, ignore_errors=True)
        if self.collection.exists():
            shutil.copytree(self.collection, self.crashed)
        if disk is not None:
            self._judge_reading(trial)
            disk.free()
        exact = len(struck) == 1 and self.operation.exact
        for work in (lambda: self._look(reached, exact=exact), self._finish):
            outcome = forked(work, self.result)
            if outcome.complaint:
                trial.failures.append(f"after it: {outcome.complaint}")
                continue
            trial.failures += outcome.value["failures"]
            trial.lost += outcome.value.get("lost", 0)
            trial.wrong += outcome.value.get("wrong", 0)
        return trial

    def _latest(self, said: list[State]) -> State | None:
        """The furthest state: threads acknowledge out of order, what they saw before."""
        known = [self.states.index(state) for state in said if state in self.states]
        if self.operation.threads and len(known) == len(said) > 0:
            return self.states[max(known)]
        return said[-1] if said else None

    def _call(self, fault: Fault) -> str:
        calls = [call for kind, call in self.calls if kind & fault.kinds]
        return calls[fault.at - 1] if 0 < fault.at <= len(calls) else ""

    def _run(self, fault: Fault, *, log: int = -1, limit_bytes: int | None = None) -> Outcome:
        """The operation in a process in which the fault waits."""
        self.acks.write_bytes(b"")

        def work() -> None:
            acknowledge_to(self.acks, self.collection)
            if limit_bytes is not None:
                limit_files(limit_bytes)
            faults.arm(self.disk, self.graveyard, fault, log=log)
            self.operation.run(self.photos, self.collection)

        return forked(work, self.result)

    def _judge_ending(self, outcome: Outcome, trial: Trial) -> None:
        if outcome.signal == signal.SIGKILL:
            trial.ended = "killed"
        elif outcome.error is None and not outcome.signal:
            trial.ended = "done"
            if forked(lambda: read_state(self.collection) == self.states[-1], self.result).value:
                return
            trial.failures.append("says that it is done, and is not")
        else:
            trial.ended = "refused"
            if not outcome.is_ours or "\n" in (outcome.error or ""):
                trial.failures.append(f"not a line of ours: {outcome.complaint}")

    def _judge_reading(self, trial: Trial) -> None:
        """Where nothing can be written a search works, or says why not."""
        if trial.acked:
            state = read_state(self.crashed)
            outcome = forked(lambda: misfound(self.collection, state), self.result)
            if outcome.complaint and not outcome.is_ours:
                trial.failures.append(f"reading a full disk: {outcome.complaint}")
            trial.failures += outcome.value or []

    def _look(self, reached: State, *, exact: bool) -> dict[str, Any]:
        """At a copy, so that the next run finds exactly what the crash left.

        exact  the uninterrupted run's states are the only ones that may be
        """
        if not (self.crashed / "catalog.sqlite").exists():
            lost = len(reached.photos)
            return {"failures": ["no catalog"] if lost else [], "lost": lost}
        state, end = read_state(self.crashed), self.states[-1]
        failures = damage(self.crashed, finished=False)
        if exact:
            at = self.states.index(reached) if reached in self.states else -1
            if at < 0:
                failures.append("acknowledged a state that the uninterrupted run never had")
            elif state not in self.states[at : at + 2]:
                failures.append(f"in neither of the states {at} and {at + 1}")
        missing = state.lacks(reached, end)
        if missing:
            failures.append(f"acknowledged and lost: {missing}")
        if state.wrong:
            failures.append(f"wrong vectors: {state.wrong}")
        try:
            failures += misfound(self.crashed, state)
            failures += findings(self.crashed, finished=False)
        except CollectionError as error:
            failures.append(f"cannot be searched: {error}")
        return {"failures": failures, "lost": len(missing), "wrong": len(state.wrong)}

    def _finish(self) -> dict[str, Any]:
        (self.operation.finish or self.operation.run)(self.photos, self.collection)
        state, end = read_state(self.collection), self.states[-1]
        failures = damage(self.collection)
        if state != end:
            failures.append(f"the next run ends elsewhere: lacks {state.lacks(end, end)}")
        failures += misfound(self.collection, state)
        failures += findings(self.collection)
        if self.operation.absent is not None:
            found = traces(self.collection, self.operation.absent(self.photos))
            failures += [f"{name} still holds {needle!r}" for name, needle in found]
        left = self._names() - self.files
        if left:
            failures.append(f"left behind: {sorted(left.elements())}")
        return {"failures": failures, "wrong": len(state.wrong)}

    def _names(self) -> Counter[str]:
        """What lies in the collection and on its disk, random parts of names left out."""
        return Counter(
            re.sub("[0-9a-f]{16}", "*", str(path.relative_to(self.disk)))
            for path in self.disk.rglob("*")
            if not path.is_relative_to(self.graveyard)
        )

    def _reset(self) -> None:
        shutil.rmtree(self.collection, ignore_errors=True)
        if self.operation.outside:
            (self.disk / "elsewhere").mkdir(exist_ok=True)  # a small disk begins empty
            for path in (self.disk / "elsewhere").iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._bury()
        if self.before.exists():
            shutil.copytree(self.before, self.collection)

    def _bury(self) -> None:
        """After a run: what it unlinked, and a power cut brought back, has one name again."""
        shutil.rmtree(self.graveyard, ignore_errors=True)
        self.graveyard.mkdir()


def traces(folder: Path, needles: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """Which file of a collection holds which of the byte sequences."""
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        for needle in needles:
            if needle in content:
                yield path.name, needle[:40]


def trials(bench: Bench, action: str, seed: int, most: int | None) -> Iterator[Trial]:
    """One trial for every point of an action, or for `most` evenly spread ones.

    raises  Unavailable where the action is not possible
    """
    if action == "size-limit":
        yield from less_and_less(
            lambda room: bench.trial(action, Fault(Action.COUNT, at=room), limit_bytes=room),
            512,
            most,
        )
    elif action == "small-disk":
        disk = SmallDisk(bench.disk)
        yield from less_and_less(
            lambda room: bench.trial(action, Fault(Action.COUNT, at=room), disk=disk), PAGE, most
        )
        disk.close()
    else:
        for fault in sample(plan(bench.points, action, seed), most):
            yield bench.trial(action, *fault)


def less_and_less(run: Callable[[int], Trial], step: int, most: int | None) -> Iterator[Trial]:
    """Trials with every size of room, in steps, up to where nothing is refused.

    most  so many, twice the room each time
    """
    sizes = count() if most is None else [0, *(2**i for i in range(most - 1))]
    for steps in sizes:
        trial = run(steps * step)
        yield trial
        if trial.ended == "done":
            return


def report(found: Iterable[Trial], *, to_first: bool = False) -> None:
    """Print them; to_first ends with one that stored or left wrong vectors."""
    for trial in found:
        trial.failures = trial.failures[:MOST_FAILURES]
        print(json.dumps(asdict(trial)), flush=True)  # noqa: T201
        if to_first and trial.failures and trial.wrong:
            return


def strike(folder: Path, name: str, actions: Sequence[str], seed: int, most: int | None) -> None:
    """Prepare an operation in an empty folder and report of all trials of these actions."""
    mutant = name.partition("+")[2]
    if mutant:
        MUTANTS[mutant]()
    bench = Bench(folder, name)
    for given in actions:
        action, _, fewer = given.partition("=")
        try:
            found = trials(bench, action, seed, int(fewer) if fewer else most)
            report(found, to_first=bool(mutant))
        except Unavailable as error:
            print(json.dumps({"skipped": f"{action}: {error}"}))  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--strike", nargs="+", action="append", required=True, metavar=("OPERATION", "ACTION")
    )
    parser.add_argument("--most", type=int, help="trials of each action, evenly spread")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    try:
        faults.preload(asked.folder)
    except Unavailable as error:
        print(json.dumps({"skipped": str(error)}))  # noqa: T201
        return
    watch()
    rehearse(asked.folder.resolve() / "rehearsal")
    gc.freeze()
    for i, (operation, *actions) in enumerate(asked.strike):
        folder = asked.folder.resolve() / str(i)
        folder.mkdir()
        pid = os.fork()  # an operation may set up its process for itself
        if pid == 0:
            code = 1
            try:
                strike(folder, operation, actions, asked.seed, asked.most)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        if status:
            sys.exit(1)


if __name__ == "__main__":
    main()
