"""The engine of one machine: tasks in processes of their own, shards served by threads.

FAISS, SQLite and NumPy let other threads run while they work, so threads serve as well as processes
would, and the shards share one set of networks.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import cycle
from multiprocessing import connection, util
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from retrieve.errors import BadInput, RetrievalError
from retrieve.indexes.building.processes import import_path
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.engines.engine import TRIES, Closed, Done
from retrieve.indexes.cluster.engines.shard import Shard, allow_files
from retrieve.indexes.cluster.engines.working import is_importing, packed

T = TypeVar("T")

WORKERS = 2
END_S = 10.0  # that a process has to end by itself


class _Worker:
    """A process that runs one task after another, and the one it is at.

    raises  OSError if it cannot be started
    """

    def __init__(self) -> None:
        if is_importing():
            raise BadInput(
                "a process that runs a task needs what this script defines, and so imports it: "
                'let the script begin its own work only if __name__ == "__main__"'
            )
        ours, theirs = socket.socketpair()
        begin = (
            f"import sys; sys.path[:] = {import_path()!r}; "
            "from retrieve.indexes.cluster.engines.working import work; "
            f"work({theirs.fileno()})"
        )
        # Not in a session of its own: Ctrl-C is for it, too.
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, *util._args_from_interpreter_flags(), "-c", begin],  # type: ignore[attr-defined]
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self.pipe = connection.Connection(ours.detach())
        self.at: tuple[int, Sequence[Any], int] | None = None

    def begin(self, task: Callable[..., Any], job: int, args: Sequence[Any], tries: int) -> None:
        self.at = job, args, tries
        what = packed(task, tuple(args))
        with suppress(OSError):  # it has just been killed, which is seen when it is waited for
            self.pipe.send(what)

    def let_go(self) -> None:
        """An idle one ends by itself at that."""
        with suppress(OSError):
            self.pipe.close()

    def end(self) -> None:
        self.let_go()
        if self.at is not None:
            self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class LocalEngine:
    """Processes and threads of this machine."""

    name = "local"

    def run(
        self, task: Callable[..., T], jobs: Iterable[Sequence[Any]], *, workers: int | None = None
    ) -> Generator[Done[T]]:
        """As Engine.run(); None is two workers."""
        waiting = iter(enumerate(jobs))
        again: deque[tuple[int, Sequence[Any], int]] = deque()
        busy: dict[Any, _Worker] = {}  # by what is waited for: their pipes
        idle: list[_Worker] = []
        most = WORKERS if workers is None else workers
        ended: deque[Done[T]] = deque()
        try:
            while True:
                while len(busy) < most:
                    following = again.popleft() if again else None
                    if following is None:
                        new = next(waiting, None)
                        if new is None:
                            break
                        following = (*new, 1)
                    worker = idle.pop() if idle else _Worker()
                    worker.begin(task, *following)
                    busy[worker.pipe] = worker
                # Now that all work again: whoever is told may take long over it.
                while ended:
                    yield ended.popleft()
                if not busy:
                    return
                for pipe in connection.wait(list(busy)):
                    worker = busy.pop(pipe)
                    assert worker.at is not None
                    job, args, tries = worker.at
                    try:
                        result, error = worker.pipe.recv()
                    except (EOFError, OSError):  # it was killed
                        worker.end()
                        if tries < TRIES:
                            again.append((job, args, tries + 1))
                        else:
                            code = worker.process.returncode
                            lost = f"its process ended {tries} times (exit code {code})"
                            ended.append(Done(job, None, lost))
                        continue
                    worker.at = None
                    idle.append(worker)
                    ended.append(Done(job, result, error))
        finally:
            for worker in idle:
                worker.let_go()
            for worker in [*idle, *busy.values()]:
                worker.end()

    def serve(self, folders: Mapping[int, Path], *, copy: int = 0) -> LocalServers:
        """As Engine.serve(), on this one machine."""
        return LocalServers(folders)

    def end_servers(self) -> int:
        """None stays when the process ends."""
        return 0

    def close(self) -> None:
        """Nothing is held between two calls."""


class LocalServers:
    """Shards opened in this process at their first question."""

    def __init__(self, folders: Mapping[int, Path]) -> None:
        self.folders = dict(folders)
        allow_files(len(self.folders))
        self._opened = {number: Shard(folder) for number, folder in folders.items()}
        self._asking = Lock()
        self._closed = False
        # A shard is always asked by the same thread: what is kept of it from one question to the
        # next (pages of its catalog, what may be found) belongs to a connection, which is one
        # thread's. By whichever was free a search for words took 1.6 times the CPU.
        most = min(os.cpu_count() or 1, max(1, len(self.folders)))
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="shard") for _ in range(most)]
        self._thread_of = dict(zip(self.shards, cycle(self._threads), strict=False))

    @property
    def shards(self) -> Sequence[int]:
        """Their numbers."""
        return sorted(self.folders)

    def ask(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None = None,
        each: Mapping[int, Sequence[Any]] | None = None,
    ) -> Answers[T]:
        """As Servers.ask()."""
        numbers = sorted(
            each if of is None and each is not None else self.shards if of is None else of
        )
        with self._asking:  # all of them are asked, or none
            if self._closed:
                raise Closed
            asked: dict[int, Future[T]] = {
                number: self._thread_of.get(number, self._threads[0]).submit(
                    self._ask, number, question, *args, *(each or {}).get(number, ())
                )
                for number in numbers
            }
        given: dict[int, T] = {}
        refused: dict[int, RetrievalError] = {}
        missing: dict[int, str] = {}
        for number, future in asked.items():
            try:
                given[number] = future.result()
            except Lost as error:
                missing[number] = str(error)
            except RetrievalError as error:
                refused[number] = error
        return Answers(given, refused, missing)

    def close(self) -> None:
        """Close the shards, when what they were asked is answered."""
        with self._asking:
            self._closed = True
        for thread in self._threads:
            thread.shutdown()
        for one in self._opened.values():
            one.let_go()

    def _ask(self, number: int, question: Callable[..., T], *args: Any) -> T:
        shard = self._opened.get(number)
        if shard is None:
            raise Lost("nobody serves it")
        with ExitStack() as stack:
            try:
                collection = stack.enter_context(shard.collection())
            except (OSError, RetrievalError, sqlite3.Error) as error:
                raise Lost(str(error)) from error
            try:
                return question(collection, *args)
            except OSError as error:  # its storage has gone
                raise Lost(str(error)) from error


class Lost(Exception):
    """A shard cannot be asked."""
