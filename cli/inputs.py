"""Photos named on the command line → their faces, for commands that store nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.detection.recipe import DEFAULT
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.faces.embedding.views import views
from retrieve.faces.extract import PhotoFaces, extract
from retrieve.indexes.building.reading import Reading
from retrieve.indexes.building.walk import walk
from retrieve.photos import BadPhoto
from retrieve.sources import file_reader
from retrieve.types import Skipped


def extracted(
    paths: Iterable[Path],
    *,
    detector: str | None = None,
    embedder: str | None = None,
    device: str = "cpu",
    turns: bool = True,
) -> Iterator[tuple[Path, PhotoFaces | str]]:
    """The faces of every photo in the paths, or why it is skipped; folders are searched.

    raises  BadInput if a path does not exist
    """
    reading = Reading()
    reading.begin()
    opened = open_detector(detector or DEFAULT_DETECTOR, device=device)
    recipe = DEFAULT.turning(turns)
    wanted = views(embedder or DEFAULT_EMBEDDER, landmarks_of(opened))
    for item in walk(paths):
        if isinstance(item, Skipped):
            yield item.path, item.reason
            continue
        try:
            yield item.path, extract(reading.of(file_reader(item.path)), opened, wanted, recipe)
        except BadPhoto as error:
            yield item.path, error.reason


@contextmanager
def c_is_silent() -> Iterator[None]:
    """What libraries in C print of damaged photos goes nowhere: what is wrong with one is told by
    its reason. What Python prints goes where it went. (The workers of indexing do likewise.)
    """
    try:
        kept = os.dup(2)
    except OSError:  # it was closed by whoever runs this
        yield
        return
    before, other = sys.stderr, None
    with suppress(OSError, ValueError, AttributeError):
        before.flush()
        if before.fileno() == 2:
            other = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
            sys.stderr = other
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        if other is not None:
            sys.stderr = before
            other.close()
