"""The folder that holds what can be made or fetched again, and how a file gets into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from retrieve.unfinished import unfinished


def cache_dir() -> Path:
    """RETRIEVE_CACHE if it is set, else `retrieve` in the platform's user cache folder.

    The only setting the library reads from the environment: every worker process
    has to agree on it.
    """
    return Path(os.environ.get("RETRIEVE_CACHE") or platformdirs.user_cache_dir("retrieve"))


@contextmanager
def replacing(path: Path, *, noted_in: Path | None = None) -> Iterator[Path]:
    """A temporary file, of the same name, that takes path's place when the block ends well.

    A reader sees the old file or the whole new one; of several writers the last wins.
    A block that raises leaves path as it was, and so does a process that dies: the next
    writer beside it removes what that has left. Folders are made with mode 0700.
    noted_in  the folder of the collection that the file is made of, if it is made of one
    raises    OSError if the folder cannot be written
    """
    _make_private(path.parent)
    with unfinished(path.parent, noted_in=noted_in) as folder:
        temporary = folder / path.name
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)


def fonts_in_cache() -> None:
    """Before matplotlib is imported: its list of fonts lies here, unless the user says where.

    It would make a folder of its own in the user's cache and one in the configuration.
    """
    if "MPLCONFIGDIR" not in os.environ:
        folder = cache_dir() / "matplotlib"
        with suppress(OSError):  # where it may not write, matplotlib makes do and says so
            _make_private(folder)
        os.environ["MPLCONFIGDIR"] = str(folder)


def _make_private(folder: Path) -> None:
    # mkdir(parents=True, mode=...) gives the mode to the last folder only.
    if not folder.is_dir():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
