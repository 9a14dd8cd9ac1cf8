"""Photos named on the command line → their faces, for commands that store nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
