"""What is left out of folders: other programs' thumbnails and wastebaskets, and what people name.

Three say so, the first that says anything counts: patterns that were given, `.retrieveignore`
in a folder or above it, and the names below. Patterns are gitignore's: the last that matches
counts, `!` takes back, and nothing is taken back inside a folder that is left out.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from pathspec import GitIgnoreSpec

from retrieve.errors import BadInput

IGNORE = ".retrieveignore"
MAX_BYTES = 1 << 20  # of such a file

# Folders that programs keep for themselves, in small letters. Hidden ones are never entered.
_OTHERS = frozenset(
    (
        *("@eadir", "#recycle", "#snapshot"),  # Synology
        *("@__thumb", "@recycle", "@recently-snapshot"),  # QNAP
        *("$recycle.bin", "recycler", "recycled", "system volume information"),  # Windows
        *("__macosx", "network trash folder", "temporary items"),  # macOS, also in archives
        *("files_trashbin", "files_versions"),  # Nextcloud
    )
)
_PREVIEWS = (".lrdata",)  # Lightroom's, whatever stands before it
_NEXTCLOUD = "appdata_oc"  # its previews
# What Photos, iPhoto and Aperture make of the originals that lie beside it.
_LIBRARIES = (".photoslibrary", ".photolibrary", ".aplibrary", ".migratedphotolibrary")
_IPHOTO = "iphoto library"
_MADE = frozenset(
    (
        *("resources", "database", "private", "internal", "derivatives", "caches", "contents"),
        *("thumbnails", "previews", "data", "data.noindex", "projectcache"),
        *("ipod photo cache", "apple tv photo cache"),
    )
)


class Leaving:
    """What to leave out below some folders, and how much of it was met.

    met  how many folders and files by what they are left out for: a name or a pattern
    """

    def __init__(self, named: Iterable[Path], patterns: Sequence[str] = ()) -> None:
        """named     absolute folders and files that people gave: taken whatever they are called
        patterns  as in a .retrieveignore in each of those folders, but counting first

        raises  BadInput for what is no pattern
        """
        self._named = frozenset(named)
        self._given: list[tuple[str, GitIgnoreSpec]] = []
        for pattern in reversed(patterns):
            try:
                self._given.append((pattern, GitIgnoreSpec.from_lines([pattern])))
            except ValueError as error:
                raise BadInput(f"wanted a pattern as in .gitignore; got {pattern!r}") from error
        self._folders: dict[Path, Folder] = {}
        self.met: Counter[str] = Counter()

    def inside(self, folder: Path) -> Folder:
        """What holds for the entries of a folder.

        raises  OSError if its .retrieveignore, or one above it, cannot be read
        """
        known = self._folders.get(folder)
        if known is None:
            above = folder.parent
            is_top = folder in self._named or not self._is_below(folder) or above == folder
            known = Folder(folder, None if is_top else self.inside(above), self._given)
            self._folders[folder] = known
        return known

    def leaves_out(self, path: Path, *, is_folder: bool) -> bool:
        """Whether a path, or a folder between it and what was named, is left out."""
        if path in self._named or not self._is_below(path):
            return False
        folder = path.parent
        if folder not in self._named and self.leaves_out(folder, is_folder=True):
            return True
        try:
            return self.inside(folder).rule(path.name, is_folder=is_folder) is not None
        except OSError:
            return True  # nobody knows what its owner would have left out

    def is_named(self, path: Path) -> bool:
        """Whether people gave just this path."""
        return path in self._named

    def _is_below(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self._named)


class Folder:
    """What is left out of one folder."""

    def __init__(
        self, path: Path, above: Folder | None, given: list[tuple[str, GitIgnoreSpec]]
    ) -> None:
        self._path = path
        # What says it, from where its patterns start, the patterns: what counts first stands first.
        self._given = [(pattern, path, spec) for pattern, spec in given]
        self._read: list[tuple[str, Path, GitIgnoreSpec]] = []
        if above is not None:
            self._given, self._read = above._given, above._read
        own = _ignored(path / IGNORE)
        if own is not None:
            self._read = [(IGNORE, path, own), *self._read]

    def rule(self, name: str, *, is_folder: bool) -> str | None:
        """What an entry is left out for: a pattern or a name; None if it is taken."""
        end = "/" if is_folder else ""
        path = self._path / name
        for said, base, spec in (*self._given, *self._read):
            found = spec.check_file(path.relative_to(base).as_posix() + end)
            if found.include is not None:
                return said if found.include else None
        return self._of_others(name) if is_folder else None

    def _of_others(self, name: str) -> str | None:
        plain = name.casefold()
        if plain in _OTHERS:
            return name
        if plain.endswith(_PREVIEWS) or plain.startswith(_NEXTCLOUD):
            return f"*{_PREVIEWS[0]}" if plain.endswith(_PREVIEWS) else f"{_NEXTCLOUD}*"
        return name if self._is_library and plain in _MADE else None

    @cached_property
    def _is_library(self) -> bool:
        plain = self._path.name.casefold()
        return plain.endswith(_LIBRARIES) or plain.startswith(_IPHOTO)


def _ignored(path: Path) -> GitIgnoreSpec | None:
    """The patterns of a .retrieveignore; None if there is none.

    Lines that are no patterns are left out.
    raises  OSError if it cannot be read
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        text = file.read(MAX_BYTES).decode("utf-8-sig", "surrogateescape")
    lines = []
    for line in text.splitlines():
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        lines.append(line)
    return GitIgnoreSpec.from_lines(lines)
