"""A small file system in memory, seen by this process alone, that is full when it is told to."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from faults import Unavailable

ROOMY_BYTES = 1 << 28
_NEW_NAMESPACE, _PRIVATE, _REMOUNT, _DETACH = 0x20000, 0x44000, 0x20, 2


class SmallDisk:
    """Mounted over an empty folder, for as long as this process and its children live.

    raises  Unavailable where this process may not mount
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._libc = ctypes.CDLL(None, use_errno=True)
        if self._libc.unshare(_NEW_NAMESPACE):
            raise Unavailable("mounting a small file system needs root")
        self._mount(Path("/"), None, _PRIVATE, None)
        self._mount(folder, b"tmpfs", 0, b"size=%d" % ROOMY_BYTES)

    def leave_free(self, size_bytes: int) -> None:
        """Make it so small that only these bytes, in whole pages, are free."""
        now = os.statvfs(self._folder)
        used = (now.f_blocks - now.f_bfree) * now.f_frsize
        # Size 0 would be no limit.
        self._mount(self._folder, b"tmpfs", _REMOUNT, b"size=%d" % max(1, used + size_bytes))

    def free(self) -> None:
        """Make it large again."""
        self._mount(self._folder, b"tmpfs", _REMOUNT, b"size=%d" % ROOMY_BYTES)

    def close(self) -> None:
        self._libc.umount2(os.fsencode(self._folder), _DETACH)

    def _mount(self, at: Path, kind: bytes | None, flags: int, options: bytes | None) -> None:
        if self._libc.mount(b"none", os.fsencode(at), kind, ctypes.c_ulong(flags), options):
            raise Unavailable(f"no file system of its own: {os.strerror(ctypes.get_errno())}")
