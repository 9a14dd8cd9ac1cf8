"""Processes that are started afresh, know nothing of the program that starts them, and import
once for all of them.

multiprocessing's own would import the caller's `__main__` in every process, so that a script
without a guard, or one that is read from stdin, would begin again in each; their server is
reached through a folder that stays behind when the program is killed, and so do its busy workers.
This one is reached through a pair of sockets without a name, and ends its workers with the
program.
"""

from __future__ import annotations

import atexit
import io
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import reduction, util
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import FunctionType
from typing import Any

from retrieve.indexes.building.server import NUMBER, Failed

PRELOAD = ("retrieve.indexes.building.jobs", "onnxruntime")
FOR_PHOTOS = ("retrieve.indexes.building.reading",)  # where nothing is detected
PATIENCE_S = 5.0  # for a process to end that should


class Worker:
    """A process that does one kind of work with one thing after the other.

    connection  takes what is to be done, with its limits (server.limited), and gives what became
                of it; it ends with the process

    open_work   without arguments, called there: what is done
    preload     what is imported once for all such workers
    raises      OSError or EOFError if no process can be started
    """

    def __init__(
        self, open_work: Callable[[], Callable[[Any], Any]], preload: tuple[str, ...] = PRELOAD
    ) -> None:
        opening = ForkingPickler.dumps(open_work)
        connection, self._end = _servers[preload].fork()
        self.connection = Connection(connection)
        try:
            self._number = self._told()
            self.connection.send((import_path(), _folder()))
            self.connection.send_bytes(opening)
        except BaseException:
            self.close()
            raise

    def wait(self) -> None:
        """Until the work is open; raises what its opening did."""
        answer = self.connection.recv()
        if isinstance(answer, Failed):
            raise answer.error()

    def ended(self) -> int | None:
        """How the process ended, as subprocess has it, whose connection did; None: nobody knows."""
        end = select.poll()  # select() knows no file above 1,023
        end.register(self._end, select.POLLIN)
        if not end.poll(PATIENCE_S * 1000):
            self.kill()
        try:
            return self._told()
        except EOFError:
            return None

    def kill(self) -> None:
        """End it at once; nothing in it has to be put in order."""
        with suppress(ProcessLookupError):
            os.kill(self._number, signal.SIGKILL)

    def close(self) -> None:
        """Let it go: it ends when it waits for something to do."""
        self.connection.close()
        if self._end >= 0:
            os.close(self._end)
            self._end = -1

    def _told(self) -> int:
        said = os.read(self._end, NUMBER.size)  # it is written at once
        if len(said) < NUMBER.size:
            raise EOFError("the process that starts others has ended")
        return int(NUMBER.unpack(said)[0])


class _Server:
    """The one process of this program that forks workers of a kind; started with the first."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        self._preload = preload
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self._end)

    def fork(self) -> tuple[int, int]:
        """Descriptors of a new worker: its connection, and where it is told who it is and how it
        has ended.
        """
        with self._lock:
            ours, theirs = socket.socketpair()
            told, tell = os.pipe()
            try:
                reduction.sendfds(self._reached(), [theirs.fileno(), tell])
            except BaseException:
                ours.close()
                os.close(told)
                raise
            finally:
                theirs.close()
                os.close(tell)
            return ours.detach(), told

    def begin(self) -> None:
        """Start it, and don't wait for it."""
        with self._lock:
            self._reached()

    def _reached(self) -> socket.socket:
        if self._socket is not None and self._process is not None and self._process.poll() is None:
            return self._socket
        ours, theirs = socket.socketpair()
        # The path first: what is beside the program, and not what is in the folder it is run in.
        begin = (
            f"import sys; sys.path[:] = {import_path()!r}; "
            "from retrieve.indexes.building.server import serve; "
            f"serve({theirs.fileno()}, {self._preload!r})"
        )
        with theirs, Path(os.devnull).open("rb") as nothing:
            self._process = subprocess.Popen(
                [sys.executable, *util._args_from_interpreter_flags(), "-c", begin],  # type: ignore[attr-defined]
                stdin=nothing,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the program, from the first moment on
            )
        self._socket = ours
        return ours

    def _forget(self) -> None:
        """In a child of the program: the server is the parent's."""
        self._lock = threading.Lock()
        if self._socket is not None and self._process is not None:
            self._socket.close()
            self._process.returncode = 0  # nobody here can wait for it
        self._socket = self._process = None

    def _end(self) -> None:
        if self._socket is not None and self._process is not None:
            self._socket.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_S)


_servers: dict[tuple[str, ...], _Server] = {
    preload: _Server(preload) for preload in (PRELOAD, FOR_PHOTOS)
}


def begin(preload: tuple[str, ...]) -> None:
    """Start what starts such workers, to be there when the first is wanted; where that fails, the
    first will say so.
    """
    with suppress(OSError):
        _servers[preload].begin()


def import_path() -> list[str]:
    """Where a process that this one starts is to look for modules, first of all."""
    return [str(entry) or _folder() for entry in sys.path]


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  it may be gone
    except OSError:
        return os.sep


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type | FunctionType) and obj.__module__ == "__main__":
            raise pickle.PicklingError(f"{obj.__qualname__} is known to the script alone")
        return NotImplemented


def can_travel(network: object) -> bool:
    """Whether such a process can be given an object of the caller's own: it can be pickled and
    made again, and nothing of it is defined in the program's own script, which the process does
    not see.
    """
    pickled = io.BytesIO()
    try:
        _Pickler(pickled).dump(network)
        pickle.loads(pickled.getvalue())
    except Exception:  # whatever the owner's own way of pickling raises
        return False
    return True
