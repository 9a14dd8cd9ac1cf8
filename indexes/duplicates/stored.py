"""What a collection, or one in parts, has stored of photos that may be there more than once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from retrieve.indexes.catalog.contents import PHOTO
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import EVERYTHING, PICTURES, Filter, findable
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.opened import Opened
from retrieve.indexes.vectors.spaces import Space
from retrieve.types import Embeddings, PictureHit

Known = tuple[str, str | None, int, int]  # sha256, taken_at, height, width


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """The photos that are searched, by their places.

    ids       (N,) of the contents
    rows      (N, D)
    known     by id
    searched  how many a search may find
    several   those that several files hold
    unlooked  photos that nobody looked at as a whole
    """

    ids: list[int]
    rows: Embeddings
    known: dict[int, Known]
    searched: int
    several: frozenset[int]
    unlooked: int


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """What is known of some photos, each by id.

    files  that hold it, with their bytes, by path
    faces  the quality of each
    """

    hits: Mapping[int, PictureHit]
    files: Mapping[int, list[tuple[Path, int]]]
    faces: Mapping[int, list[float]]


class Source(Protocol):
    """Where photos are stored."""

    def space(self) -> Space:
        """What made their embeddings; raises CollectionError if there are none yet."""
        ...

    def looked(self, wanted: Filter) -> Looked:
        """The photos that satisfy conditions."""
        ...

    def paths(self, ids: Iterable[int]) -> dict[int, tuple[Path, ...]]:
        """Every path that holds some photos, or held them when it was last seen."""
        ...

    def details(self, ids: Iterable[int]) -> Details:
        """What is known of some photos, of those that are there still."""
        ...


class One:
    """The Source that one collection is."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def space(self) -> Space:
        """As Source.space()."""
        return self._opened.pictures.space()

    def looked(self, wanted: Filter) -> Looked:
        """As Source.looked()."""
        return self._opened.consistently(lambda: _looked(self._opened, wanted))

    def paths(self, ids: Iterable[int]) -> dict[int, tuple[Path, ...]]:
        """As Source.paths()."""
        return {id: tuple(self._opened.catalog.paths_of(id)) for id in ids}

    def details(self, ids: Iterable[int]) -> Details:
        """As Source.details()."""
        wanted = list(ids)
        return self._opened.consistently(lambda: _details(self._opened, wanted))


def _looked(opened: Opened, wanted: Filter) -> Looked:
    rows_in_all = opened.pictures.space().rows
    keep = findable(opened.db, rows_in_all, wanted, items=PICTURES)
    kept = np.arange(rows_in_all) if keep is None else np.flatnonzero(keep)
    contents = opened.pictures.shown.contents_at(kept.tolist())
    rows = sorted(contents)
    ids = [contents[row] for row in rows]
    query = "SELECT id, sha256, taken_at, height, width FROM contents WHERE id"
    known = {id: tuple(more) for id, *more in among(opened.db, query, ids)}
    found = opened.db.execute(
        "SELECT content_id FROM paths JOIN contents ON contents.id = content_id "
        "WHERE kind = ? AND NOT gone GROUP BY content_id HAVING count(*) > 1",
        [PHOTO],
    )
    several = frozenset(id for (id,) in found)
    everything = wanted == EVERYTHING
    return Looked(
        ids,
        opened.pictures.engine.embeddings(rows),
        known,
        len(kept),
        several if everything else several & set(ids),
        len(opened.pictures.shown.missing()) if everything else 0,
    )


def _details(opened: Opened, ids: list[int]) -> Details:
    hits = opened.catalog.photos(ids)
    files: dict[int, list[tuple[Path, int]]] = {id: [] for id in hits}
    query = "SELECT content_id, path, size_bytes FROM paths WHERE NOT gone AND content_id"
    for id, path, size_bytes in sorted(among(opened.db, query, hits), key=lambda one: str(one[1])):
        files[id].append((path_of(path), size_bytes))
    faces: dict[int, list[float]] = {id: [] for id in hits}
    query = "SELECT content_id, quality FROM faces WHERE NOT not_a_face AND content_id"
    for id, quality in among(opened.db, query, hits):
        faces[id].append(quality)
    return Details(hits, files, faces)
