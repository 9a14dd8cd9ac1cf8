"""What runs in the processes that are started: a server that forks workers, and the workers.

The server reads no file of a stranger's, so that it is there to end the workers when the program
that asked for them is gone, however that ended and whatever C code they are in.
"""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

from retrieve.errors import RetrievalError

FDS = 2  # that come with each wish for a worker: its connection, and where its end is told
NUMBER = struct.Struct("q")  # a process's number, then how it ended
NO_LIMIT_S = 1e8  # three years: as long as every system's timers go
_DIE_WITH_PARENT = 1  # Linux: PR_SET_PDEATHSIG of prctl(2)


def serve(asking: int, preload: Iterable[str]) -> None:
    """Fork a worker for each pair of descriptors that comes in, until nobody can ask any more.

    asking   a socket without a name, whose other end the program holds
    preload  modules that are imported once for all workers
    """
    _leave_signals_to_the_program()
    for name in preload:
        with suppress(ImportError):  # what is missing is said where it is used
            import_module(name)
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    ends: dict[int, int] = {}
    with socket.socket(fileno=asking) as program:
        looking = select.poll()  # select() knows no file above 1,023, as the program's may be
        for file in (program.fileno(), woken):
            looking.register(file, select.POLLIN)
        while True:
            ready = [file for file, _ in looking.poll()]
            if woken in ready:
                with suppress(BlockingIOError):
                    os.read(woken, 1 << 16)
                _tell_ends(ends)
            if program.fileno() in ready:
                try:
                    connection, end = reduction.recvfds(program, FDS)
                except (EOFError, OSError):
                    break
                number = os.fork()
                if number == 0:
                    signal.set_wakeup_fd(-1)
                    program.close()
                    for other in (woken, wake, end, *ends.values()):
                        os.close(other)
                    _become_worker(connection)
                os.close(connection)
                ends[number] = end
                _tell(end, number)
    for number in ends:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    for number in ends:  # so that what they took is told to whoever waits for this one
        with suppress(ChildProcessError):
            os.waitpid(number, 0)


def _leave_signals_to_the_program() -> None:
    """What a terminal or a session sends to every process of the program is for it to heed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _tell_ends(ends: dict[int, int]) -> None:
    while ends:
        number, status = os.waitpid(-1, os.WNOHANG)
        if number == 0:
            return
        end = ends.pop(number, None)
        if end is not None:
            _tell(end, os.waitstatus_to_exitcode(status))
            os.close(end)


def _tell(end: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(end, NUMBER.pack(number))


def _become_worker(connection: int) -> None:
    code = 1
    try:
        if sys.platform == "linux":
            # Where the server itself is killed nobody else could end it.
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        let_libraries_be_silent()
        _work(Connection(connection))
        code = 0
    except (EOFError, ConnectionError):
        code = 0  # the program is gone
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def let_libraries_be_silent() -> None:
    """Let what libraries print and log of damaged files go nowhere: what is wrong with a file is
    told by its reason. What Python prints still goes where it went.
    """
    logging.lastResort = logging.NullHandler()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


class Failed:
    """What is no file's fault, in place of an answer: it goes on up in the program."""

    def __init__(self, error: BaseException) -> None:
        self.pickled: bytes | None = None
        self.text = "".join(traceback.format_exception(error))
        with suppress(Exception):  # whatever its own way of being pickled raises
            pickled = pickle.dumps(error)
            pickle.loads(pickled)
            self.pickled = pickled

    def error(self) -> BaseException:
        """The exception, or one of ours with its traceback where it cannot be handed over."""
        if self.pickled is not None:
            error: BaseException = pickle.loads(self.pickled)
            error.add_note(f"In a worker:\n{self.text}")
            return error
        return RetrievalError(f"a process that reads files failed:\n{self.text}")


def _work(program: Connection) -> None:
    """Open what is to be done, say so, and do it with one thing after the other."""
    path, folder = program.recv()
    sys.path[:] = path
    with suppress(OSError):
        os.chdir(folder)
    try:
        work: Callable[[Any], Any] = program.recv()()
    except Exception as error:  # of the program's own: told there, not swallowed
        program.send(Failed(error))
        return
    program.send(None)
    while True:
        item, cpu_s, wait_s = program.recv()
        program.send(limited(work, item, cpu_s, wait_s))


def limited(work: Callable[[Any], Any], item: Any, cpu_s: float, wait_s: float) -> Any:
    """What the work returns, in a process that the system ends when it takes too long.

    By SIGPROF after so many seconds of all its threads on processors, by SIGALRM after so many on
    a clock that stands still in suspend: no code of this process has to run for it, whether or
    not C code lets it.
    """
    signal.setitimer(signal.ITIMER_PROF, min(cpu_s, NO_LIMIT_S))
    signal.setitimer(signal.ITIMER_REAL, min(wait_s, NO_LIMIT_S))
    try:
        return work(item)
    except BaseException as error:  # that is not the file's: told in the program, not swallowed
        return Failed(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
