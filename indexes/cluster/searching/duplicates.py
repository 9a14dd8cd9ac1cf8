"""Where duplicates are sought in a cluster: the photos of all its shards.

Pairs are found among all of them by who asks, who holds a kB of each photo for it, and the files
are read there, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from retrieve.indexes.catalog.filters import PICTURES, Filter
from retrieve.indexes.cluster.ids import of_cluster, of_shard
from retrieve.indexes.cluster.searching import conditions, merging
from retrieve.indexes.cluster.searching.asking import Asking
from retrieve.indexes.cluster.searching.pictures import space
from retrieve.indexes.collection import Collection
from retrieve.indexes.duplicates.stored import Details, Looked, One
from retrieve.indexes.vectors.spaces import Space

# Asked of shards


def looked_here(collection: Collection, wanted: Filter) -> tuple[Looked | None, tuple[str, ...]]:
    """The photos of a shard that satisfy conditions, None where none can, and whom it knows of the
    persons asked for.
    """
    found, known = conditions.here(collection.db, wanted)
    if found is None or collection.space(PICTURES) is None:
        return None, known
    return One(collection.opened).looked(found), known


def paths_here(collection: Collection, ids: list[int]) -> dict[int, tuple[Path, ...]]:
    """Every path that holds some photos of a shard."""
    return One(collection.opened).paths(ids)


def details_here(collection: Collection, ids: list[int]) -> Details:
    """What a shard knows of some photos."""
    return One(collection.opened).details(ids)


# Asking


class Every:
    """The Source that the shards of a cluster are together."""

    def __init__(self, shards: Asking) -> None:
        self._shards = shards

    def space(self) -> Space:
        """As Source.space()."""
        return space(self._shards)

    def looked(self, wanted: Filter) -> Looked:
        """As Source.looked(), of the shards that answer."""
        wanted = conditions.sent(wanted)
        parts = self._shards.ask(looked_here, wanted).some()
        conditions.check(self._shards, wanted, (known for _, known in parts.values()))
        there = {number: one for number, (one, _) in parts.items() if one is not None}
        none = np.zeros((0, self.space().dim), np.float32)
        return Looked(
            [of_cluster(number, id) for number, one in there.items() for id in one.ids],
            np.concatenate([none, *(one.rows for one in there.values())]),
            {
                of_cluster(number, id): known
                for number, one in there.items()
                for id, known in one.known.items()
            },
            sum(one.searched for one in there.values()),
            frozenset(
                of_cluster(number, id) for number, one in there.items() for id in one.several
            ),
            sum(one.unlooked for one in there.values()),
        )

    def paths(self, ids: Iterable[int]) -> dict[int, tuple[Path, ...]]:
        """As Source.paths(); none of those in a shard that has gone away since."""
        wanted = list(ids)
        parts = self._shards.ask(paths_here, each=_by_shard(wanted)).some()
        found = {
            of_cluster(number, id): paths
            for number, part in parts.items()
            for id, paths in part.items()
        }
        return {id: found.get(id, ()) for id in wanted}

    def details(self, ids: Iterable[int]) -> Details:
        """As Source.details()."""
        parts = self._shards.ask(details_here, each=_by_shard(ids)).some()
        return Details(
            {
                of_cluster(number, id): merging.photo_of_shard(number, hit)
                for number, one in parts.items()
                for id, hit in one.hits.items()
            },
            {
                of_cluster(n, id): files
                for n, one in parts.items()
                for id, files in one.files.items()
            },
            {
                of_cluster(n, id): faces
                for n, one in parts.items()
                for id, faces in one.faces.items()
            },
        )


def _by_shard(ids: Iterable[int]) -> dict[int, tuple[list[int]]]:
    """What each shard is asked for."""
    found: dict[int, tuple[list[int]]] = {}
    for number, id in map(of_shard, ids):
        found.setdefault(number, ([],))[0].append(id)
    return found
