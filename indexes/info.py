"""What a collection holds, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retrieve.indexes.files import used_bytes
from retrieve.indexes.opened import Opened
from retrieve.indexes.reembedding.staged import Halfway, halfway
from retrieve.indexes.search.engine import State
from retrieve.indexes.vectors.spaces import Space


@dataclass(frozen=True, slots=True)
class Info:
    """What a collection holds and what made it.

    space        of faces; texts of passages, pictures of whole photos; None before there is any
    counts       photos, faces, pictures, texts, passages, files, skipped, gone, persons, dead
    halfway      how far it is on its way to other networks; None if it is not
    search       how a search for faces goes about it now; text_search one for words
    """

    path: Path
    format: int
    space: Space | None
    texts: Space | None
    counts: dict[str, int]
    size_bytes: int
    search: State
    text_search: State
    halfway: Halfway | None = None
    pictures: Space | None = None


def describe(opened: Opened) -> Info:
    """Count, and look at how searches go about it."""
    space, texts = opened.faces.space(), opened.texts.vectors.space()
    if space is not None:
        opened.engine.index()
    if texts is not None:
        opened.texts.engine.index()
    return Info(
        opened.path,
        opened.catalog.format,
        space,
        texts,
        opened.catalog.counts(),
        used_bytes(opened.path),
        opened.engine.state,
        opened.texts.engine.state,
        halfway(opened.db, opened.path),
        opened.pictures.vectors.space(),
    )
