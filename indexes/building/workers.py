"""Processes that turn files into faces and texts, where a file that crashes or hangs does no harm.

Decoders are C code that reads what strangers wrote. Each runs in a process of its own with a
limit of processor time a file; a process that dies or is stopped is replaced, and the file is
skipped with that reason.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from functools import partial
from multiprocessing.reduction import ForkingPickler
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic, Self, TypeVar

from retrieve.errors import BadInput, RetrievalError, unforeseen
from retrieve.indexes.building.processes import PRELOAD, Worker
from retrieve.indexes.building.server import Failed

Key = TypeVar("Key")
Result = TypeVar("Result")

WORKERS = 2
TIME_LIMIT_S = 60.0  # of the processor; a 100-megapixel PNG takes 6 s here
WAITS = 10  # times as long a file may take on the clock: a loaded machine, a slow drive
AHEAD = 8  # tasks a worker that are handed out at once: bounds what waits in memory
AT_ONCE = 2  # files in a worker's hands: the one it is at, and one that lies ready
READY_BYTES = 1 << 14  # of what lies ready: less than every system's sockets keep
STARTS, PAUSE_S = 3, 0.2  # attempts to start a worker, and what is waited between two
LOOK_S = 1.0  # between two looks for Ctrl-C where nothing comes
GIVES_MORE = "; --time-limit gives it more"


# What is done with a file, or with what names one; raises BadInput for one that cannot be used.
Work = Callable[[Any], Result]


class Stopped(str):
    """Why a file was not read that may be another time: a limit, a crash, too little memory."""

    __slots__ = ()


class Workers(Generic[Result]):
    """Processes that read files, open from one run to the next; a context manager."""

    def __init__(
        self,
        open_work: Callable[[], Work[Result]],
        *,
        workers: int = WORKERS,
        time_limit_s: float = TIME_LIMIT_S,
        here: bool = False,
        preload: tuple[str, ...] = PRELOAD,
    ) -> None:
        """They start with the first file.

        open_work     called in each worker: Job.open
        time_limit_s  that one file may take of the processor; it may wait WAITS times as long
        here          work in this process, without limits of time: for a detector of the caller's
                      own that cannot be given to another one
        preload       what they have imported when they start, of processes.py
        raises        BadInput for fewer than one worker or no time
        """
        if workers < 1:
            raise BadInput(f"wanted one process or more; got {workers}")
        if not time_limit_s > 0:
            raise BadInput(f"wanted a time limit above 0 seconds; got {time_limit_s}")
        self._work: Work[Result] | None = None
        self._hands: list[_Hand] = []
        if here:
            self._work = open_work()
        else:
            self._hands = [_Hand(open_work, time_limit_s, workers, preload) for _ in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them; files in their hands are dropped."""
        for hand in self._hands:
            hand.stop()
            hand.let_go()

    def run(self, paths: Iterable[tuple[Key, Any]]) -> Generator[tuple[Key, Result | str]]:
        """Extract the faces or passages of every file, in the order in which they are done.

        paths    (key, path or whatever the work is on); taken only as fast as results are
        returns  (key, what was found or why the file is skipped)

        Closing the iterator drops the files that are not done.
        raises   RetrievalError if no process can be started or kept
        """
        if self._work is not None:
            for key, path in paths:
                yield key, attempted(self._work, path)
            return
        todo: SimpleQueue[Any] = SimpleQueue()
        done: SimpleQueue[Any] = SimpleQueue()
        threads = [Thread(target=hand.work, args=(todo, done), daemon=True) for hand in self._hands]
        source, more, waiting = iter(paths), True, 0
        try:
            while more or waiting:
                while more and waiting < len(threads) * AHEAD:
                    item = next(source, None)
                    more = item is not None
                    if item is not None:
                        todo.put(item)
                        waiting += 1
                if waiting:
                    for thread in threads:
                        if thread.ident is None:
                            thread.start()
                    key, outcome = _taken(done)
                    waiting -= 1
                    if isinstance(outcome, BaseException):
                        raise outcome
                    yield key, outcome
        finally:
            for hand in self._hands:
                if waiting:
                    hand.stop()
                todo.put(None)
            for thread in threads:
                if thread.ident is not None:
                    thread.join()


def _taken(done: SimpleQueue[Any]) -> Any:
    """The next thing of a queue; some systems hear Ctrl-C only between two looks at it."""
    while True:
        with suppress(Empty):
            return done.get(timeout=LOOK_S)


class _Hand:
    """One worker and the thread that gives it files, takes what comes back, and starts another
    worker where it has ended.
    """

    def __init__(
        self,
        open_work: Callable[[], Work[Any]],
        limit_s: float,
        workers: int,
        preload: tuple[str, ...],
    ) -> None:
        self._open_work = open_work
        self._preload = preload
        self._limit_s = limit_s
        self._workers = workers
        self._worker: Worker | None = None
        self._lock = Lock()
        self._busy = self._stopping = False
        self._sent = 0  # of the files in hand, those that the worker has

    def work(self, todo: SimpleQueue[Any], done: SimpleQueue[Any]) -> None:
        """Do what is asked for until None is; an exception in place of an outcome ends the run."""
        self._stopping = False
        given: deque[tuple[Any, Any]] = deque()  # to the worker, which is at the first of them
        try:
            while self._next(todo, given):
                outcome = self._outcome(given)
                if self._stopping:
                    self.let_go()  # whatever else it has in hand
                    return
                done.put((given.popleft()[0], outcome))
        except (OSError, EOFError) as error:
            failed = RetrievalError(
                "the processes that read files could not be started or kept: too little memory, or "
                "a limit on processes. What was stored is kept; try again with fewer processes"
            )
            failed.__cause__ = error
            done.put((None, failed))
        except BaseException as error:  # raised by the run that waits for it
            done.put((None, error))

    def stop(self) -> None:
        """Drop what is in hand, with the worker that is at it."""
        with self._lock:
            self._stopping = True
            if self._busy and self._worker is not None:
                self._worker.kill()

    def let_go(self) -> None:
        """Let the worker end."""
        self._sent, self._busy = 0, False
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _next(self, todo: SimpleQueue[Any], given: deque[tuple[Any, Any]]) -> bool:
        """Whether there is something to do, which is waited for if nothing is in hand.

        A second file lies ready for the worker, lest it wait for this thread, where there are
        enough of them for every worker.
        """
        with suppress(Empty):
            if not given:
                item = todo.get()
            elif len(given) < AT_ONCE and todo.qsize() > self._workers:
                item = todo.get_nowait()
            else:
                item = None
            if item is not None:
                given.append(item)
        return bool(given)

    def _outcome(self, given: deque[tuple[Any, Any]]) -> Any:
        """Of the first one. None where it is to stop."""
        while (worker := self._started()) is not None:
            try:
                self._give(worker, given)
                outcome = worker.connection.recv()
            except (EOFError, OSError):
                sent, code = self._sent, worker.ended()
                self.let_go()
                if sent:  # else it had ended before, by whatever
                    return self._why(code)
            else:
                self._sent -= 1
                self._busy = self._sent > 0
                return outcome.error() if isinstance(outcome, Failed) else outcome
        return None

    def _started(self) -> Worker | None:
        """The worker, who is waited for where it is a new one; None where all is to stop."""
        for attempt in range(STARTS):
            try:
                with self._lock:
                    if self._stopping:
                        return None
                    self._busy = True
                    if self._worker is not None:
                        return self._worker
                    self._worker = Worker(partial(_attempting, self._open_work), self._preload)
                self._worker.wait()
                return self._worker
            except BaseException as error:
                self.let_go()
                if self._stopping:
                    return None
                # The process that starts them may just be dying, killed with the one before.
                if attempt == STARTS - 1 or not isinstance(error, EOFError | OSError):
                    raise
                time.sleep(PAUSE_S)
        return None

    def _give(self, worker: Worker, given: deque[tuple[Any, Any]]) -> None:
        while self._sent < len(given):
            item = given[self._sent][1]
            task = ForkingPickler.dumps((item, self._limit_s, WAITS * self._limit_s))
            if self._sent and len(task) > READY_BYTES:
                return  # for the system to keep while the worker does not read
            worker.connection.send_bytes(task)
            self._sent += 1

    def _why(self, code: int | None) -> Stopped:
        """How a worker came to its end."""
        if code == -signal.SIGPROF:
            return Stopped(
                f"decoding took longer than {self._limit_s:g} s of processor time and was stopped"
                f"{GIVES_MORE}"
            )
        if code == -signal.SIGALRM:
            return Stopped(
                f"decoding was not done after {WAITS * self._limit_s:g} s, most of which it "
                "waited, and was stopped"
            )
        return Stopped(f"decoding crashed its process ({_ending(code)})")


def run(
    open_work: Callable[[], Work[Result]],
    paths: Iterable[tuple[Key, Any]],
    *,
    workers: int = WORKERS,
    time_limit_s: float = TIME_LIMIT_S,
    here: bool = False,
) -> Generator[tuple[Key, Result | str]]:
    """Workers.run() with processes that are stopped at its end."""
    with Workers(open_work, workers=workers, time_limit_s=time_limit_s, here=here) as pool:
        yield from pool.run(paths)


def _ending(code: int | None) -> str:
    if code is None:
        return "nobody knows how"
    if code < 0:
        with suppress(ValueError):  # a signal without a name
            return signal.Signals(-code).name
        return f"signal {-code}"
    return f"exit code {code}"


def attempted(work: Work[Result], item: Any) -> Result | str:
    """What was found, or why the file cannot be used.

    Here alone anything is taken that a reader of strangers' bytes may raise and nobody foresaw:
    no file may cost more than itself, and no list of what all libraries raise is ever complete.
    The reason names the class, so that a fault of ours is not mistaken for one of the file's.
    What is of no file (RetrievalError, Ctrl-C) goes on up.
    """
    try:
        return work(item)
    except BadInput as error:
        short = isinstance(error.__cause__, MemoryError)
        return Stopped(error) if short else str(error)
    except MemoryError:
        return Stopped("decoding needs more memory than there is")
    except (RetrievalError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # Rust's panics are no Exception
        return unforeseen(error)


def _attempting(open_work: Callable[[], Work[Result]]) -> Callable[[Any], Result | str]:
    """In a new worker."""
    return partial(attempted, open_work())
