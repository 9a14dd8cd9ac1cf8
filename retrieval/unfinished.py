"""Files and folders that are not whole yet: where they lie, and how what the dead left is removed.

Each is made in a private folder `.retrieve-TOKEN.part` beside its target, which it leaves by a
rename. A file in it is locked (flock) while its maker lives: the kernel lets go of that lock
however the process ends, so that whoever writes beside it next knows what nobody is making any
more, and removes it. A backup or an export may lie on another disk than its collection: so
a collection keeps a note of each such folder, locked too and written before the folder is made,
and the next writer of the collection follows it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

FOLDER = re.compile(r"\.retrieve-([0-9a-f]{16})\.part")
NOTE = re.compile(r"([0-9a-f]{16})\.unfinished")  # in the folder of a collection
LOCK, CONTENT, PLACED = "lock", "content", "placed"  # in a folder that is not whole yet
# What versions before left of a backup in its place, without a lock: `.NAME.TOKEN` with a copy of
# the catalog, and the archive that was being made. No collection looks so: it has embeddings.
OLD_FOLDER = re.compile(r"\..+\.[0-9a-f]{8}")
OLD_CONTENT = re.compile(r"catalog\.sqlite(-wal|-shm|-journal)?|tar|lock")
OLD_CATALOG, MARK, MARK_AT = "catalog.sqlite", b"RTRV", 68  # SQLite's application_id
# And of a restore beside its target: embeddings, then the catalog, which makes a collection of it.
OLD_RESTORE = re.compile(r"\..+\.[a-z0-9_]{8}")
OLD_RESTORED = re.compile(r"(faces|passages)(\.\d+)?\.f32|catalog\.sqlite(-wal|-shm|-journal)?")
QUIET_S = 3600.0  # that nothing in it was written for: its maker is no more
PLACEABLE = re.compile(r"[a-z][a-z0-9_.-]*\.(f32|sqlite)")  # all that is ever taken back
NOTE_BYTES = 1 << 16  # at most


@dataclass(frozen=True, slots=True)
class Left:
    """A folder that a process which is no more has left, or may have.

    reachable  False where the disk on which it was made is not there now
    whole      True for a collection that nobody but an older version's restore may have made so:
               it may be somebody's own, and is never removed
    """

    folder: Path
    note: Path | None = None
    reachable: bool = True
    whole: bool = False


@contextmanager
def unfinished(beside: Path, *, noted_in: Path | None = None) -> Iterator[Path]:
    """A private empty folder on the disk of `beside`; gone, with all in it, when the block ends.

    What others that are no more have left beside it is removed first.
    noted_in  the folder of the collection that it is made of, which keeps a note of it
    raises    OSError if nothing can be written there
    """
    remove_left(beside)
    with ExitStack() as stack:
        folder = _begun(beside, noted_in, stack)
        content = folder / CONTENT
        content.mkdir(0o700)
        yield content


def placing(content: Path, names: Iterable[str]) -> None:
    """State which files go from an unfinished folder into the one that it lies in.

    If the process ends before the last of them is there, they are taken back.
    """
    path = content.parent / PLACED
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(list(names), file)
        file.flush()
        os.fsync(fd)


def left(beside: Path) -> list[Left]:
    """What nobody is making any more in a folder; changes nothing."""
    return [Left(one) for one in _folders(beside) if not _is_alive(one / LOCK)]


def remove_left(beside: Path) -> None:
    """Remove it; what cannot be removed stays."""
    for folder in _folders(beside):
        with suppress(OSError):
            _remove_dead(folder)


def left_of(collection: Path) -> list[Left]:
    """What dead makers have left of a collection, wherever; changes nothing."""
    found = {one.folder: one for one in left(collection) + left(collection.parent)}
    for note, folder, inode in _notes(collection):
        if _is_alive(note):
            continue
        if os.path.lexists(folder) and not _is_alive(folder / LOCK):
            found[folder] = Left(folder, note)
        elif not os.path.lexists(folder) and not _is_at(folder.parent, inode):
            found[folder] = Left(folder, note, reachable=False)
    found |= {one: Left(one, whole=True) for one in _hidden_collections(collection.parent)}
    return list(found.values())


def folders_of(collection: Path) -> list[Path]:
    """All folders that may hold a part of a collection now; of what is just being made too."""
    noted = (folder for _, folder, _ in _notes(collection))
    beside = collection.parent
    found = [*_folders(beside), *noted, *_hidden_collections(beside)]
    return [one for one in dict.fromkeys(found) if one.is_dir() and not one.is_symlink()]


def remove_left_of(collection: Path) -> None:
    """Remove what dead makers have left of a collection, wherever that can be done."""
    for beside in (collection, collection.parent):
        remove_left(beside)
    for note, folder, inode in _notes(collection):
        with suppress(OSError):
            _follow(note, folder, inode)


def _begun(beside: Path, noted_in: Path | None, stack: ExitStack) -> Path:
    """The folder, noted and locked until the stack is left."""
    while True:
        token = secrets.token_hex(8)
        folder = Path(os.path.abspath(beside)) / f".retrieve-{token}.part"  # noqa: PTH100
        with ExitStack() as attempt:
            if noted_in is not None and not _noted(
                noted_in / f"{token}.unfinished", folder, attempt
            ):
                continue
            folder.mkdir(0o700)
            attempt.callback(_removed, folder)
            try:
                lock = _locked(folder / LOCK)
            except FileNotFoundError:
                lock = None
            if lock is None:  # taken for one that a dead process left, or removed so: once more
                continue
            attempt.callback(os.close, lock)
            # The lock is let go after the folder is gone.
            attempt.callback(_removed, folder)
            stack.push(attempt.pop_all())
            return folder


def _noted(note: Path, folder: Path, stack: ExitStack) -> bool:
    """Write the note; False where a sweeper has removed it at once."""
    lock = _locked(note)
    if lock is None:
        return False
    stack.callback(os.close, lock)
    stack.callback(note.unlink, missing_ok=True)
    said = {"folder": str(folder), "inode": folder.parent.stat().st_ino}
    os.write(lock, json.dumps(said).encode())
    os.fsync(lock)
    parent = os.open(note.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
    return True


def _notes(collection: Path) -> Iterator[tuple[Path, Path, int]]:
    """Of each note its path, the folder that it names, and the inode of what that is in.

    A note that says nothing, of a process that ended before it could, names a folder in the
    collection.
    """
    for path in _entries(collection):
        match = NOTE.fullmatch(path.name)
        if match is None:
            continue
        name = f".retrieve-{match[1]}.part"
        folder, inode = collection / name, 0
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            said = json.loads(_read(path))
            folder, inode = Path(str(said["folder"])), int(said["inode"])
        # A note that was planted names nothing but a folder of ours.
        yield path, folder if folder.name == name else collection / name, inode


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return os.read(fd, NOTE_BYTES) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def _follow(note: Path, folder: Path, inode: int) -> None:
    """Remove what a note names, and the note when nothing of it can be left."""
    lock = _locked(note)
    if lock is None:
        return
    try:
        if os.path.lexists(folder):
            _remove_dead(folder)
        gone = not os.path.lexists(folder)
        if gone and (not inode or _is_at(folder.parent, inode)):
            note.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _is_at(folder: Path, inode: int) -> bool:
    """Whether it is still the folder of that inode: a disk that is not mounted has another."""
    with suppress(OSError):
        return folder.stat().st_ino == inode
    return False


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # not there, or not to be looked into
        return []


def _folders(beside: Path) -> list[Path]:
    """Ours: no links, and nobody else's."""
    found = []
    for path in _entries(beside):
        is_ours = FOLDER.fullmatch(path.name) is not None
        if is_ours or OLD_RESTORE.fullmatch(path.name) is not None:
            with suppress(OSError):
                if _is_own(path) and (
                    is_ours or _is_of_an_older_backup(path) or _is_of_an_older_restore(path)
                ):
                    found.append(path)
    return found


def _hidden_collections(beside: Path) -> list[Path]:
    """Whole ones, called as an older version's restore called what it had not put in its place."""
    found = []
    for path in _entries(beside):
        if OLD_RESTORE.fullmatch(path.name) is not None:
            with suppress(OSError):
                if _is_own(path) and _is_of_an_older_restore(path, whole=True):
                    found.append(path)
    return found


def _is_own(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _is_of_an_older_backup(folder: Path) -> bool:
    """Whether a folder is what an older version left of a backup."""
    return (
        OLD_FOLDER.fullmatch(folder.name) is not None
        and _is_quiet(folder, OLD_CONTENT)
        and _read(folder / OLD_CATALOG)[MARK_AT:].startswith(MARK)
    )


def _is_of_an_older_restore(folder: Path, *, whole: bool = False) -> bool:
    """Whether it is what one left of a restore: with the catalog to its end, or without."""
    return (
        _is_quiet(folder, OLD_RESTORED)
        and any(path.suffix == ".f32" for path in _entries(folder))
        and _is_whole(folder / OLD_CATALOG) == whole
    )


def _is_quiet(folder: Path, content: re.Pattern[str]) -> bool:
    """Whether there are such regular files alone in it, and nobody has written for QUIET_S."""
    every = _entries(folder)
    if not all(content.fullmatch(path.name) for path in every):
        return False
    statuses = [path.lstat() for path in every]
    latest = max([folder.lstat().st_mtime, *(status.st_mtime for status in statuses)])
    return time.time() - latest >= QUIET_S and all(stat.S_ISREG(one.st_mode) for one in statuses)


def _is_whole(catalog: Path) -> bool:
    """Whether it has all pages that its header counts. Source: SQLite, "Database File Format"."""
    try:
        head, size_bytes = _read(catalog), catalog.lstat().st_size
    except OSError:
        return False
    page_bytes = int.from_bytes(head[16:18], "big")
    page_bytes = 1 << 16 if page_bytes == 1 else page_bytes
    pages = int.from_bytes(head[28:32], "big")
    return head[MARK_AT:].startswith(MARK) and page_bytes * pages <= size_bytes


def _is_alive(lock: Path) -> bool:
    """Whether somebody holds the lock. Where locks do not work nobody can say: True."""
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def _locked(path: Path) -> int | None:
    """The file, made if it is absent and locked until it is closed; None if somebody has it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    fd = os.open(path, flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(fd)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:  # a disk without locks: made all the same, and never taken for left
        return fd
    if not stat.S_ISREG(status.st_mode) or status.st_nlink == 0:  # removed since it was opened
        os.close(fd)
        return None
    return fd


def _remove_dead(folder: Path) -> None:
    """Remove a folder if nobody is at work in it, and what it had only half placed."""
    if _is_alive(folder / LOCK):
        return
    lock = _locked(folder / LOCK)
    if lock is None:
        return
    try:
        _take_back(folder)
        _removed(folder)
    finally:
        os.close(lock)


def _take_back(folder: Path) -> None:
    """What went from it into the folder around it, unless the last of it is there."""
    try:
        names = json.loads(_read(folder / PLACED))
    except (OSError, ValueError, RecursionError):
        return
    if not isinstance(names, list) or not names:
        return
    every = [name for name in names if isinstance(name, str) and PLACEABLE.fullmatch(name)]
    if len(every) == len(names) and not os.path.lexists(folder.parent / every[-1]):
        for name in every:
            (folder.parent / name).unlink(missing_ok=True)


def _removed(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
