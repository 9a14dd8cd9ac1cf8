"""The one way to a file inside a collection: no link is followed, nothing waits, only plain files.

A collection is data, and may come from somebody else: a link planted under the name of one of its
files would have us read or overwrite a file outside, a pipe would have us wait for ever. Links on
the way to the collection's own folder are its owner's business and stay allowed.

A hard link is a plain file of two names, and cannot be told from a planted one: such a file is
read, for a backup by hard links is a good backup, but never written to, for that would change it
under its other name too.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from retrieve.errors import CollectionError

WAYS_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_TRUNC
PRIVATE = 0o600


class Strange(CollectionError):
    """Something that is not a file of ours lies under the name of one."""


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a plain file, which the caller closes; a new one is private to its owner.

    flags   as of os.open()
    raises  Strange for a link, a pipe, a folder, a device; to write, for a file of several names
            too. OSError, FileNotFoundError among them, as os.open()
    """
    try:
        fd = os.open(
            path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, PRIVATE
        )
    except OSError as error:
        # ENXIO: a pipe that nobody reads, or a socket; EISDIR: a folder, to be written.
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise _strange(path) from error
        raise
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise _strange(path)
        if flags & WAYS_TO_WRITE and about.st_nlink > 1:
            raise _shared(path, about.st_nlink)
        os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return fd


def size_bytes(path: Path) -> int | None:
    """Of a plain file; None if nothing is there.

    raises  Strange if it is no plain file
    """
    try:
        about = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(about.st_mode):
        raise _strange(path)
    return about.st_size


def used_bytes(folder: Path) -> int:
    """Of all plain files below a collection's folder; others may be at work and remove some."""
    used = 0
    for path in folder.rglob("*"):  # which follows no links
        with suppress(FileNotFoundError):
            about = path.lstat()
            used += about.st_size if stat.S_ISREG(about.st_mode) else 0
    return used


def names(path: Path) -> int:
    """How many names a plain file has; 0 if nothing is there. Raises Strange as size_bytes()."""
    return 0 if size_bytes(path) is None else path.lstat().st_nlink


def check_own(path: Path) -> None:
    """A file that others write to has to be ours alone; raises Strange if it is not."""
    if names(path) > 1:
        raise _shared(path, names(path))


def is_plain_folder(path: Path) -> bool:
    """Whether a folder of the collection is there.

    raises  Strange if a link or something else lies in its place
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(mode):
        raise _strange(path, "folder")
    return True


def strange_files(folder: Path) -> list[tuple[Path, str]]:
    """All below a collection's folder that is neither a plain file nor a folder, and its kind."""
    found = []
    for path in sorted(folder.rglob("*")):  # which follows no links
        with suppress(FileNotFoundError):  # other processes may be at work
            about = path.lstat()
            if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
                found.append((path, _kind(about.st_mode)))
            elif stat.S_ISREG(about.st_mode) and about.st_nlink > 1:
                found.append((path, "file of several names (hard links)"))
    return found


def _shared(path: Path, count: int) -> Strange:
    return Strange(
        f"{path} has {count} names (hard links), and writing would change it under each. Nothing "
        "was written. Copy the collection, so that its files are its own: cp -r"
    )


def _strange(path: Path, wanted: str = "plain file") -> Strange:
    return Strange(
        f"{path} is not used: wanted a {wanted}; it is a {_kind(path.lstat().st_mode)}. A "
        "collection holds none: see who put it there, remove it, then run: retrieve check"
    )


def _kind(mode: int) -> str:
    for is_it, name in (
        (stat.S_ISLNK, "symbolic link"),
        (stat.S_ISFIFO, "pipe"),
        (stat.S_ISDIR, "folder"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISREG, "file"),
    ):
        if is_it(mode):
            return name
    return "device"
