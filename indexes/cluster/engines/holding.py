"""A shard is open on one machine at a time.

SQLite's log of what was just written is shared through memory, which machines do not share: two
that have one catalog open would read and write past each other. So who opens a shard of a cluster
holds a lock beside it that says on which machine; processes of that machine share it. A file system
that several machines see keeps such locks for all of them (NFSv4, CephFS), and lets them go when a
process or a machine ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from retrieve.errors import CollectionError
from retrieve.indexes.files import open_regular

LOOK_S = 0.2
# Whoever has the same number shares memory, containers of one machine, too.
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def lock_of(folder: Path) -> Path:
    """Where the lock of a shard lies: beside it, the same while it is being made (.0007.part)."""
    return folder.parent / f".{folder.name.removeprefix('.').removesuffix('.part')}.lock"


def check_there(folder: Path) -> None:
    """Raise CollectionError if the folder of a shard is not there: nobody is to make it anew."""
    if not folder.is_dir():
        raise CollectionError(f"its folder {folder} is not there")


class Held:
    """The lock of a shard, held until it is let go; a context manager.

    folder  of the shard, which need not be there yet
    wait_s  for another machine to let it go, which may just have been lost
    raises  CollectionError if that has it still: it says which
    """

    def __init__(self, folder: Path, *, wait_s: float = 0.0) -> None:
        self._fd: int | None = None
        try:
            fd = open_regular(lock_of(folder), os.O_RDWR | os.O_CREAT)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                return  # nothing here can be written
            raise
        until = time.monotonic() + wait_s
        try:
            while (other := _held_by_another(fd)) is not None:
                if time.monotonic() >= until:
                    raise CollectionError(
                        f"{folder} is open on {other}, and one machine at a time may have it: use "
                        "--engine ray here, too, or end its servers with: retrieve cluster stop"
                    )
                time.sleep(LOOK_S)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let it go."""
        self.let_go()

    def let_go(self) -> None:
        """Others may have it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _held_by_another(fd: int) -> str | None:
    """The machine that has the lock, or None: then it is held here."""
    here = _machine()
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        os.pwrite(fd, here.ljust(_WIDTH).encode(), 0)
        os.fsync(fd)  # before others may read it
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "another machine"  # that is just writing its name
    # Between the two another one may have come in.
    said = os.pread(fd, _WIDTH, 0).decode("utf-8", "replace").strip()
    if said == here:
        return None
    fcntl.flock(fd, fcntl.LOCK_UN)
    return said.partition(" ")[2] or "another machine"


_WIDTH = 320  # bytes of a machine's boot and name


def _machine() -> str:
    name = socket.gethostname()
    try:
        return f"{BOOT_ID.read_text().strip()} {name}"
    except FileNotFoundError:  # which Linux alone has
        return f"{name} {name}"
