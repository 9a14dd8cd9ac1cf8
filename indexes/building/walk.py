"""Folders → the photographs and texts in them, whatever else lies around.

What describes a photo beside it is the photo's, and no text of its own (metadata/sidecars.py);
what other programs made of photos, and what was to be left out, is passed over (leaving.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from retrieve.errors import BadInput
from retrieve.indexes.building.leaving import IGNORE, Leaving
from retrieve.indexes.catalog.paths import Found
from retrieve.types import Skipped


@dataclass(frozen=True, slots=True)
class Unlisted(Skipped):
    """A folder that could not be read: nothing is known about what it holds."""


def walk(
    roots: Iterable[Path], *, photos: bool = True, leaving: Leaving | None = None
) -> Iterator[Found | Skipped]:
    """Every photo and text under the roots, folder by folder, each file once.

    roots    folders, searched with all that they hold but for hidden folders, where
             thumbnails and deleted files lie; and files, taken whatever their suffix.
             Links are followed, and a folder is entered once, so loops end
    photos   False leaves photos out
    leaving  what else to leave out, which counts what it met; None is what other programs
             keep, and what a .retrieveignore says
    returns  Found for a file; Skipped for one that cannot be looked at, Unlisted for a
             folder. A text that describes a photo beside it is left to the photo
    raises   BadInput if a root does not exist
    """
    absolute = checked_roots(roots)
    leaving = Leaving(absolute) if leaving is None else leaving
    entered: set[tuple[int, int]] = set()
    for folder in absolute:
        if folder.is_dir() and not leaving.leaves_out(folder, is_folder=True):
            yield from _walk_folder(folder, entered, leaving, photos=photos)
    for path in dict.fromkeys(absolute):
        if path.is_dir() or (_is_ours(path) and _identity(path.parent) in entered):
            continue
        if (photos or is_text(path)) and not leaving.leaves_out(path, is_folder=False):
            yield look_at(path)


@dataclass(frozen=True, slots=True)
class Counted:
    """About how many files there are of each kind."""

    photos: int
    texts: int


def count(roots: Iterable[Path], leaving: Leaving | None = None) -> Counted:
    """What walk() will find: names only, so that it takes no time."""
    photos = texts = 0
    absolute = checked_roots(roots)
    leaving = Leaving(absolute) if leaving is None else leaving
    for root in absolute:
        if not root.is_dir():
            photos += not is_text(root)
            texts += is_text(root)
            continue
        for folder, folders, names in os.walk(root):
            try:
                inside = leaving.inside(Path(folder))
            except OSError:
                folders.clear()
                continue
            folders[:] = [
                name
                for name in folders
                if not _is_hidden(name) and inside.rule(name, is_folder=True) is None
            ]
            for name in names:
                is_photo = _is_photo(name)
                if (is_photo or _is_named_text(name)) and not inside.rule(name, is_folder=False):
                    photos += is_photo
                    texts += not is_photo
    return Counted(photos, texts)


def is_text(path: Path) -> bool:
    """Whether a file is read as a text and not as a photo: its suffix tells.

    A suffix that is none of a text or a photo, which only files have that were named, says
    nothing: then it is a photo if its first bytes are those of a picture.
    """
    if _is_named_text(path.name):
        return True
    from retrieve.documents.signatures import is_picture
    from retrieve.photos import SUFFIXES

    return path.suffix.lower() not in SUFFIXES and path.is_file() and not is_picture(path)


def _is_named_text(name: str) -> bool:
    from retrieve.documents.read import DOCUMENT_SUFFIXES

    return Path(name).suffix.lower() in DOCUMENT_SUFFIXES


def reaches(root: Path, path: Path, leaving: Leaving | None = None) -> bool:
    """Whether walk() of a root would look at a path that is there, or was, going by its name."""
    if path == root:
        return True
    if not path.is_relative_to(root):
        return False
    *folders, name = path.relative_to(root).parts
    if any(_is_hidden(folder) for folder in folders):
        return False
    if leaving is not None and leaving.leaves_out(path, is_folder=not path.is_file()):
        return False
    return _is_ours(path) or (not _is_hidden(name) and not path.is_file())


def checked_roots(roots: Iterable[Path]) -> list[Path]:
    """The roots as absolute paths, links kept.

    raises  BadInput if one does not exist
    """
    # Not resolve(): a photo is known by the path that its owner uses.
    absolute = [Path(os.path.abspath(root)) for root in roots]  # noqa: PTH100
    for root in absolute:
        if not os.path.lexists(root):
            raise BadInput(f"no such file or folder: {root}")
    return absolute


def _walk_folder(
    root: Path, entered: set[tuple[int, int]], leaving: Leaving, *, photos: bool
) -> Iterator[Found | Skipped]:
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            identity = _identity(folder)
            if identity in entered:
                continue
            entered.add(identity)
            with os.scandir(folder) as entries:
                names = sorted((entry.name, _is_folder(entry)) for entry in entries)
            beside = Beside(folder, [name for name, is_folder in names if not is_folder])
        except OSError as error:
            yield Unlisted(folder, f"folder cannot be read: {_reason(error)}")
            continue
        try:
            inside = leaving.inside(folder)
        except OSError as error:
            # Nobody knows what its owner would have left out.
            yield Unlisted(folder, f"{IGNORE} here or above cannot be read: {_reason(error)}")
            continue
        further = []
        for name, is_folder in names:
            if is_folder:
                wanted = not _is_hidden(name)
            else:
                wanted = (photos and _is_photo(name)) or beside.is_text(name)
            if not wanted:
                continue
            rule = None
            if not leaving.is_named(folder / name):
                rule = inside.rule(name, is_folder=is_folder)
            if rule is not None:
                leaving.met[rule] += 1
            elif is_folder:
                further.append(folder / name)
            else:
                yield look_at(folder / name)
        waiting.extend(reversed(further))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def look_at(path: Path) -> Found | Skipped:
    """A file as it is now, or why it cannot be used."""
    try:
        status = path.stat()
    except OSError as error:
        return Skipped(path, f"cannot be opened: {_reason(error)}")
    return Found(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _is_photo(name: str) -> bool:
    from retrieve.photos import SUFFIXES  # and with it Pillow, which a search can do without

    # Names that begin with "._" are what macOS leaves beside a file on foreign drives.
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith("._")


class Beside:
    """Which files of a folder describe photos in it, going by names: exactly those that a
    photo's description is read from.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self._folder = folder
        self._photos = [name for name in names if _is_photo(name)]

    @cached_property
    def _described_by(self) -> dict[str, list[str]]:
        """The photos by the names of what may describe them."""
        from retrieve.metadata.sidecars import sidecar_names

        found: dict[str, list[str]] = {}
        for photo in self._photos:
            for name in sidecar_names(Path(photo)):
                found.setdefault(name, []).append(photo)
        return found

    def photos(self, name: str) -> list[str]:
        """The photos that a file describes, going by its name."""
        from retrieve.metadata.sidecars import SUFFIXES

        is_beside = self._photos and Path(name).suffix.lower() in SUFFIXES
        return self._described_by.get(name, []) if is_beside else []

    def is_text(self, name: str) -> bool:
        """Whether a file is a text, and describes no photo: a long one does not."""
        from retrieve.metadata.sidecars import is_own_text

        if not _is_named_text(name) or name.startswith("._"):
            return False
        if not self.photos(name):
            return True
        path = self._folder / name
        try:
            return is_own_text(path, path.stat().st_size)
        except OSError:
            return False


def _is_ours(path: Path) -> bool:
    """Whether walk() gives a file when it goes through the file's folder."""
    if _is_photo(path.name):
        return True
    return _is_named_text(path.name) and Beside(path.parent, _names(path.parent)).is_text(path.name)


def root_of(path: Path, roots: Iterable[Path]) -> Path | None:
    """The innermost of the roots that a path lies under; None for a root itself."""
    above = [root for root in roots if root != path and path.is_relative_to(root)]
    return max(above, key=lambda root: len(root.parts), default=None)


def described(path: Path) -> list[Path]:
    """The photos in a file's folder that the file describes, or did, going by their names."""
    from retrieve.metadata.sidecars import SUFFIXES

    if path.suffix.lower() not in SUFFIXES:
        return []  # without a look at the folder
    photos = Beside(path.parent, _names(path.parent)).photos(path.name)
    return [path.with_name(name) for name in photos]


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
