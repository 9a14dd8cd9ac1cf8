"""Folders that change → a collection that follows them.

What changes is collected until it has been quiet for a while, then only that is looked at:
files by themselves, folders with all that they hold, what is gone by its absence. A root that
is not there, such as a drive that was taken out, says nothing about what it holds; when it is
back, all of it is looked at again, as at the beginning.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from watchfiles import Change
from watchfiles import watch as watch_files

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.building.build import Extractor, OnProgress
from retrieve.indexes.building.leaving import IGNORE, Leaving
from retrieve.indexes.building.storing import Report
from retrieve.indexes.building.walk import checked_roots, described, reaches
from retrieve.indexes.catalog.database import CannotWrite
from retrieve.indexes.collection import Collection

DEBOUNCE_S = 2.0
LONGEST_S = 60.0  # that changes wait while more of them keep coming
TICK_S = 0.25
UNDECODABLE = "Unable to decode path"  # watchfiles, of a name that is not UTF-8

OnRemark = Callable[[str], None]


def follow(
    collection: Collection,
    roots: Iterable[Path],
    batches: Iterable[set[Path]],
    extractor: Extractor,
    *,
    reread: bool = True,
    exclude: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    on_remark: OnRemark | None = None,
) -> Iterator[Report]:
    """Bring the collection up to date with each batch of paths; one report for each run.

    batches    paths that changed: of changes(), which begins with the roots. An empty one is a
               moment at which to try again what could not be written before
    extractor  open from one run to the next: Workers.run
    reread     as of Collection.index()
    exclude    as of Collection.index()
    on_remark  called with one line on what has to wait, and again when that changes
    raises     BadInput if a root does not exist at the beginning, CollectionError if the
               collection cannot be used
    """
    remarks = _Remarks(on_remark)
    absolute = checked_roots(roots)
    waiting: set[Path] = set()
    for batch in batches:
        waiting |= batch
        away = [root for root in absolute if not os.path.lexists(root)]
        remarks.away(away)
        there, vanished = _sorted_out(waiting, [root for root in absolute if root not in away])
        if not there and not vanished:
            waiting.clear()
            continue
        try:
            report = collection.update(
                there,
                extractor,
                vanished=vanished,
                below=absolute,
                reread=reread,
                exclude=exclude,
                on_progress=on_progress,
            )
        except CannotWrite as error:
            remarks.refused(str(error))
            continue
        except BadInput:
            if all(os.path.lexists(path) for path in there):
                raise
            continue  # vanished since: that is found the next time
        waiting.clear()
        remarks.refused(None)
        yield report
        if report.interrupted:
            return


def changes(
    roots: Iterable[Path], *, debounce_s: float = DEBOUNCE_S, exclude: Sequence[str] = ()
) -> Iterator[set[Path]]:
    """The roots, as soon as they are watched, then what changes below them, without an end.

    debounce_s  how long it has to be quiet before changes are given
    exclude     as of Collection.index()
    returns     paths; an empty set each time that it is quiet for so long
    raises      CollectionError if the system does not let them be watched
    """
    absolute = checked_roots(roots)
    pending = Pending(debounce_s, time.monotonic())
    seen: dict[Path, object] = {}
    while True:
        before, seen = seen, {root: _identity(root) for root in absolute}
        pending.add({root for root in absolute if seen[root] != before.get(root)})
        there = [root for root in absolute if seen[root] is not None]
        try:
            for changed, is_lost in _watched(there, exclude):
                pending.add(changed, time.monotonic())
                if is_lost or any(_identity(root) != seen[root] for root in absolute):
                    break  # what changes there now is told to a new watcher only
                if pending.is_due(time.monotonic()):
                    yield pending.taken(time.monotonic())
        except FileNotFoundError:
            time.sleep(TICK_S)  # it went between looking and watching
        except _Undecodable:
            seen = {}


class Pending:
    """Changes until it is quiet; the first ones, added without a time, are due at once."""

    def __init__(self, quiet_s: float, now: float) -> None:
        self._quiet_s = quiet_s
        self._paths: set[Path] = set()
        self._first: float | None = None
        self._last = now

    def add(self, paths: set[Path], now: float | None = None) -> None:
        if not paths:
            return
        self._paths |= paths
        if now is not None:
            self._last = now
            self._first = now if self._first is None else self._first

    def is_due(self, now: float) -> bool:
        """Whether it has been quiet for long enough, or noisy for too long."""
        quiet = now - self._last >= self._quiet_s
        if self._first is None:
            return bool(self._paths) or quiet
        return quiet or now - self._first >= LONGEST_S

    def taken(self, now: float) -> set[Path]:
        """What was added since the last time."""
        taken, self._paths = self._paths, set()
        self._first, self._last = None, now
        return taken


class _Undecodable(Exception):
    """A name that is not UTF-8, which watchfiles does not tell, has changed."""


def _watched(roots: list[Path], exclude: Sequence[str]) -> Iterator[tuple[set[Path], bool]]:
    """What changes below the roots, and whether one of them was taken away, again and again."""
    if not roots:
        time.sleep(TICK_S)
        yield set(), False
        return
    from watchfiles._rust_notify import WatchfilesRustInternalError

    try:
        for found in watch_files(
            *roots,
            watch_filter=None,
            rust_timeout=int(TICK_S * 1000),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            paths = {Path(path) for _, path in found}
            paths |= {photo for path in paths for photo in described(path)}
            # What a folder leaves out has changed: all of it is looked at again.
            paths |= {path.parent for path in paths if path.name == IGNORE}
            leaving = Leaving(roots, exclude)
            lost = {Path(path) for change, path in found if change == Change.deleted}
            reached = {
                path for path in paths if any(reaches(root, path, leaving) for root in roots)
            }
            yield reached, not lost.isdisjoint(roots)
    except WatchfilesRustInternalError as error:
        if UNDECODABLE in str(error):
            raise _Undecodable from error
        raise CollectionError(
            f"cannot watch {', '.join(map(str, roots))}: {error}. If there are too many folders "
            "raise the limit (sysctl fs.inotify.max_user_watches), or set "
            "WATCHFILES_FORCE_POLLING=1"
        ) from error


def _sorted_out(paths: set[Path], roots: list[Path]) -> tuple[list[Path], list[Path]]:
    """The paths that are there, and those that are there no more.

    Those that cannot be looked at are neither: nothing is known about them.
    """
    there, vanished = [], []
    for path in sorted(paths):
        if not any(path.is_relative_to(root) for root in roots):
            continue
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            vanished.append(path)
        except OSError:
            continue
        else:
            there.append(path)
    return there, vanished


def _identity(root: Path) -> object:
    """What is another when a root was replaced or mounted anew; None where there is none."""
    try:
        status = root.stat()
    except OSError:
        return None
    # A file that is written in place stays watched; a file put in its place does not.
    return status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode)


class _Remarks:
    """Says each thing once."""

    def __init__(self, say: OnRemark | None) -> None:
        self._say = say or (lambda text: None)
        self._away: list[Path] = []
        self._refused: str | None = None

    def away(self, roots: list[Path]) -> None:
        for root in roots:
            if root not in self._away:
                self._say(f"{root} is not there; it is looked at again when it is back")
        self._away = roots

    def refused(self, reason: str | None) -> None:
        if reason is not None and reason != self._refused:
            self._say(f"{reason}. What has changed waits until then")
        self._refused = reason
