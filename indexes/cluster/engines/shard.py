"""A shard while it is served: open, in use by several threads, replaced under them, let go."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retrieve.indexes.cluster.engines.holding import Held, check_there
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.opened import CATALOG

# A catalog and its log (3, of each of two threads), three vector files mapped twice, the lock.
FILES = 16  # that are open of a shard
SPARE_FILES = 256  # of all else in the process


class Ended(Exception):
    """Its server was told to let the shard go, and does not open it again."""


class Shard:
    """Opened at the first question, and anew if another collection lies there by then.

    What is asked goes on with the collection that it began with: that one is closed when the last
    of its questions is answered.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._opened: _Opened | None = None
        self._open = 0  # collections that are not closed yet, replaced ones too
        self._ended = False

    @contextmanager
    def collection(self) -> Iterator[Collection]:
        """The collection that lies there now, which stays open while the block lasts.

        raises  Ended after let_go(), OSError, CollectionError and others of opening a collection
        """
        with self._lock:
            opened = self._current()
            opened.users += 1
        try:
            yield opened.collection
        finally:
            with self._lock:
                opened.users -= 1
                self._close_if_idle(opened)

    def let_go(self, wait_s: float | None = None) -> bool:
        """Open it no more, and close it when its questions are answered.

        wait_s  for them; None is as long as it takes
        Returns whether it is closed.
        """
        until = None if wait_s is None else time.monotonic() + wait_s
        with self._lock:
            self._ended = True
            self._retire()
            while self._open and (until is None or time.monotonic() < until):
                self._idle.wait(None if until is None else until - time.monotonic())
            return not self._open

    def _current(self) -> _Opened:
        if self._ended:
            raise Ended
        try:
            status = (self._folder / CATALOG).stat()
        except FileNotFoundError:
            check_there(self._folder)  # which says more
            raise
        lies_there = status.st_dev, status.st_ino  # a file that is open keeps its number
        if self._opened is None or self._opened.file != lies_there:
            self._retire()
            self._opened = _Opened(self._folder, lies_there)
            self._open += 1
        return self._opened

    def _retire(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            self._close_if_idle(opened)

    def _close_if_idle(self, opened: _Opened) -> None:
        if opened is not self._opened and opened.users == 0:
            self._open -= 1
            self._idle.notify_all()
            opened.close()


def allow_files(shards: int) -> None:
    """Let this process have so many shards open, as far as the system lets it: many give a process
    1,024 files where it does not ask for more.
    """
    wanted = shards * FILES + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS has another limit, which it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Opened:
    """A collection, the lock beside it, and how many questions are at it."""

    def __init__(self, folder: Path, file: tuple[int, int]) -> None:
        self.file = file
        self.users = 0
        self._held = Held(folder)
        try:
            self.collection = open_collection(folder)
        except BaseException:
            self._held.let_go()  # it is tried again at each question
            raise

    def close(self) -> None:
        try:
            self.collection.close()
        finally:
            self._held.let_go()
