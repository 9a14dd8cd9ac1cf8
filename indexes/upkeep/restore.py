"""A backup → the collection that it was made of.

Nothing that the file says is believed before it was looked at (indexes/upkeep/vetting): it is
read into a folder that is not whole yet, beside the collection's or in it where that is there
already, and takes its place when all of it is known to be what we could have made.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.collection import open_collection
from retrieve.indexes.opened import CATALOG, warn_of_others
from retrieve.indexes.search.engine import Engine
from retrieve.indexes.upkeep.backup import Manifest, OnBytes
from retrieve.indexes.upkeep.vetting import members
from retrieve.indexes.upkeep.vetting.catalog import check_catalog
from retrieve.indexes.upkeep.vetting.doubt import Unbelievable
from retrieve.indexes.vectors.file import sync_folder
from retrieve.indexes.vectors.spaces import searched_spaces
from retrieve.unfinished import placing, remove_left, unfinished

OF_THE_DISK = "lost+found"  # in an empty file system's root


def restore(file: Path, folder: Path, *, on_bytes: OnBytes | None = None) -> Manifest:
    """Make the collection in a folder that is not there yet, or is empty: a mount point too.

    A folder that is there keeps its owner and mode; a new one is private to its owner.
    raises  BadInput if the file is not a whole backup of a format that is known, or holds what
            no collection does; CollectionError if something is in the folder, or it cannot be
            written; nothing is left behind then
    """
    target = Path(os.path.realpath(folder))
    check_empty(target)
    with _in_words(file, target), members.opened(file) as archive:
        _put(archive, file, target, on_bytes)
    with open_collection(target) as collection:
        for vectors in searched_spaces(collection.db, target):
            Engine(collection.db, target, vectors).build()
    return archive.manifest


def _put(archive: members.Archive, file: Path, target: Path, on_bytes: OnBytes | None) -> None:
    is_there = target.is_dir()
    if not is_there:
        target.parent.mkdir(0o700, parents=True, exist_ok=True)
    remove_left(target.parent)
    with unfinished(target if is_there else target.parent) as aside:
        members.extract(archive, file, aside, on_bytes)
        try:
            check_catalog(aside, archive.manifest)
        except CollectionError as error:
            raise BadInput(
                f"{file} is not restored: what is in it cannot be opened: {error}"
            ) from error
        except Unbelievable as error:
            raise members.damaged(file, str(error)) from error
        sync_folder(aside)
        check_empty(target, aside.parent)
        if is_there:
            _move(aside, target)
        else:
            os.rename(aside, target)  # noqa: PTH104 - refuses a folder that is not empty
    if is_there:
        warn_of_others(target)
    sync_folder(target.parent)


def _move(aside: Path, target: Path) -> None:
    """Into a folder that stays what it is; the catalog last, which makes it a collection."""
    names = sorted(path.name for path in aside.iterdir() if path.name != CATALOG)
    placing(aside, [*names, CATALOG])
    for name in names:
        os.replace(aside / name, target / name)  # noqa: PTH105
    sync_folder(target)
    os.replace(aside / CATALOG, target / CATALOG)  # noqa: PTH105
    sync_folder(target)


def check_empty(target: Path, *ours: Path) -> None:
    """Raise BadInput if something is in a folder; what dead processes left there is removed."""
    try:
        there = os.path.lexists(target)
        if there and target.is_dir():
            remove_left(target)
        if there and (not target.is_dir() or any(_foreign(target, ours))):
            raise BadInput(
                f"{target} is there and not empty, and nothing is replaced. Choose another folder: "
                "--collection NEW"
            )
    except OSError as error:
        raise BadInput(f"cannot look into {target}: {error.strerror}") from error


def _foreign(target: Path, ours: tuple[Path, ...]) -> Iterator[Path]:
    for path in target.iterdir():
        if path not in ours and not (path.name == OF_THE_DISK and path.is_dir()):
            yield path


@contextmanager
def _in_words(file: Path, target: Path) -> Iterator[None]:
    """What the disk refuses, as one line."""
    try:
        yield
    except OSError as error:
        raise CollectionError(
            f"cannot restore {file} to {target}: {(error.strerror or str(error)).lower()}. "
            "Nothing of it was left behind"
        ) from error
