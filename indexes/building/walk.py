"""Folders → the photographs and texts in them, whatever else lies around."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import BadInput
from retrieve.indexes.catalog.paths import Found
from retrieve.types import Skipped

BESIDE = (".txt", ".xmp", ".json")  # what describes a photo beside it


@dataclass(frozen=True, slots=True)
class Unlisted(Skipped):
    """A folder that could not be read: nothing is known about what it holds."""


def walk(roots: Iterable[Path], *, photos: bool = True) -> Iterator[Found | Skipped]:
    """Every photo and text under the roots, folder by folder, each file once.

    roots    folders, searched with all that they hold but for hidden folders, where
             thumbnails and deleted files lie; and files, taken whatever their suffix.
             Links are followed, and a folder is entered once, so loops end
    photos   False leaves photos out
    returns  Found for a file; Skipped for one that cannot be looked at, Unlisted for a
             folder. A text that describes a photo beside it is left to the photo
    raises   BadInput if a root does not exist
    """
    folders = [root for root in checked_roots(roots) if root.is_dir()]
    entered: set[tuple[int, int]] = set()
    for folder in folders:
        yield from _walk_folder(folder, entered, photos=photos)
    for path in dict.fromkeys(checked_roots(roots)):
        if path.is_dir() or (_is_ours(path) and _identity(path.parent) in entered):
            continue
        if photos or is_text(path):
            yield _look_at(path)


@dataclass(frozen=True, slots=True)
class Counted:
    """About how many files there are of each kind."""

    photos: int
    texts: int


def count(roots: Iterable[Path]) -> Counted:
    """What walk() will find: names only, so that it takes no time."""
    photos = texts = 0
    for root in checked_roots(roots):
        if not root.is_dir():
            photos += not is_text(root)
            texts += is_text(root)
            continue
        for _, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not _is_hidden(name)]
            photos += sum(_is_photo(name) for name in names)
            texts += sum(_is_named_text(name) for name in names)
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


def reaches(root: Path, path: Path) -> bool:
    """Whether walk() of a root would look at a path that is there, or was, going by its name."""
    if path == root:
        return True
    if not path.is_relative_to(root):
        return False
    *folders, name = path.relative_to(root).parts
    if any(_is_hidden(folder) for folder in folders):
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
    root: Path, entered: set[tuple[int, int]], *, photos: bool
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
            bases = _bases(name for name, is_folder in names if not is_folder)
        except OSError as error:
            yield Unlisted(folder, f"folder cannot be read: {_reason(error)}")
            continue
        for name, is_folder in names:
            if not is_folder and ((photos and _is_photo(name)) or _is_text(name, bases)):
                yield _look_at(folder / name)
        inside = [name for name, is_folder in names if is_folder and not _is_hidden(name)]
        waiting.extend(folder / name for name in reversed(inside))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _look_at(path: Path) -> Found | Skipped:
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


def _is_text(name: str, bases: set[str]) -> bool:
    """Whether a file is a text, and does not describe a photo beside it."""
    return _is_named_text(name) and not name.startswith("._") and Path(name).stem not in bases


def _bases(names: Iterable[str]) -> set[str]:
    """What a file is called that describes one of some photos, without its last suffix.

    The text beside ana.jpg is ana.jpg.txt or ana.txt.
    """
    photos = [name for name in names if _is_photo(name)]
    return {*photos, *(Path(name).stem for name in photos)}


def _is_ours(path: Path) -> bool:
    """Whether walk() gives a file when it goes through the file's folder."""
    if _is_photo(path.name):
        return True
    return _is_named_text(path.name) and _is_text(path.name, _bases(_names(path.parent)))


def root_of(path: Path, roots: Iterable[Path]) -> Path | None:
    """The innermost of the roots that a path lies under; None for a root itself."""
    above = [root for root in roots if root != path and path.is_relative_to(root)]
    return max(above, key=lambda root: len(root.parts), default=None)


def described(path: Path) -> list[Path]:
    """The photos in a file's folder that the file describes, going by their names."""
    if path.suffix.lower() not in BESIDE:
        return []
    photos = [name for name in _names(path.parent) if _is_photo(name)]
    return [path.with_name(name) for name in photos if path.stem in (name, Path(name).stem)]


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
