"""A disk that fails on command: builds faults.c and arms it in a process that preloads it."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path

SOURCE = Path(__file__).with_name("faults.c")
ACTIONS = (  # what crash.py tries at every point
    "kill",  # SIGKILL before the call
    "torn",  # SIGKILL when half of the call's bytes are written
    "power",  # SIGKILL, and nothing that was not flushed is there any more
    "power-some",  # a random first part of it is
    "twice",  # SIGKILL, and again in the next run
    "full",  # ENOSPC from this call on
    "short",  # half of the bytes, then ENOSPC
    "io",  # EIO of writes from this call on
    "flush",  # EIO of flushes from this call on
    "flush-once",  # EIO of one flush
    "flush-kill",  # EIO of one flush, and SIGKILL before one of the next three
    "size-limit",  # RLIMIT_FSIZE
    "small-disk",  # a tmpfs
)


class Kind(IntFlag):
    """Which calls count."""

    DATA = 1  # write, pwrite, fwrite …
    ROOM = 2  # what makes a file, a folder or a name, or a file longer
    SYNC = 4  # fsync, fdatasync
    REMOVE = 8  # unlink, rmdir, emptying a file at its opening


class Action(IntEnum):
    """What happens at the n-th counted call."""

    COUNT = 0  # nothing
    KILL = 1  # SIGKILL before it
    TORN = 2  # half of a write, or the whole of another call, then SIGKILL
    POWER = 3  # what was not flushed is lost, then SIGKILL before it
    FAIL = 4  # it and all later ones fail
    SHORT = 5  # half of a write is reported as written, all later calls fail
    FAIL_ONCE = 6  # it fails
    FAIL_KILL = 7  # it fails, and before the seed-th one after it comes SIGKILL


EVERY = Kind.DATA | Kind.ROOM | Kind.SYNC | Kind.REMOVE
FULL = Kind.DATA | Kind.ROOM  # what a full disk refuses


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong in a process, and where.

    at     the number of the call, from 1
    error  errno of calls that fail
    seed   of POWER: not 0 lets a random first part of what was not flushed reach the disk
    """

    action: Action
    kinds: Kind = EVERY
    at: int = 0
    error: int = errno.ENOSPC
    seed: int = 0

    @property
    def is_deadly(self) -> bool:
        return self.action in (Action.KILL, Action.TORN, Action.POWER)


class Unavailable(Exception):
    """Why there are no faults on this machine."""


def build(folder: Path) -> Path:
    """Compile the shim into a folder and return it.

    raises  Unavailable without Linux or a C compiler
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        raise Unavailable("faults are injected with LD_PRELOAD, on Linux, with a C compiler")
    shim = folder / "faults.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    made = subprocess.run(
        [*command, "-o", shim, SOURCE, "-ldl", "-lpthread"], capture_output=True, text=True
    )
    if made.returncode:
        raise Unavailable(f"faults.c does not compile here: {made.stderr.splitlines()[0]}")
    return shim


def preload(folder: Path) -> None:
    """Start this program again with the shim, built in a folder, unless it has it already.

    raises  Unavailable where there are no faults
    """
    if not is_preloaded():
        shim = build(folder)
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "LD_PRELOAD": str(shim)})


def is_preloaded() -> bool:
    return hasattr(ctypes.CDLL(None), "faults_arm")


def arm(directory: Path, graveyard: Path, fault: Fault, *, log: int = -1) -> None:
    """From now on the fault waits in this process for calls under the directory.

    directory  absolute, without links
    graveyard  an empty folder on the same disk
    log        file descriptor that gets one line, kind, call and file, for each counted call
    """
    ctypes.CDLL(None).faults_arm(
        os.fsencode(directory),
        os.fsencode(graveyard),
        int(fault.kinds),
        int(fault.action),
        ctypes.c_long(fault.at),
        fault.error,
        ctypes.c_uint(fault.seed),
        log,
    )


def disarm() -> int:
    """Back to a disk that works; returns how many calls were counted."""
    if not is_preloaded():
        return 0
    call = ctypes.CDLL(None).faults_disarm
    call.restype = ctypes.c_long
    return int(call())
