"""What a map is drawn of, from all shards: of each as large a part as it has of all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes import maps
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, PASSAGES, PICTURES, Filter
from retrieve.indexes.cluster.browsing.stored import Browsed
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.cluster.searching import conditions
from retrieve.indexes.collection import Collection
from retrieve.indexes.maps import Item, Points


def points_of(
    cluster: Browsed,
    space: str | None = None,
    *,
    wanted: Filter = EVERYTHING,
    most: int,
    seed: int = 0,
) -> Points:
    """As maps.points_of(), of the shards that answer."""
    there = [name for name in (FACES, PASSAGES, PICTURES) if cluster.space(name) is not None]
    if not there:
        raise CollectionError(f"nothing was indexed into {cluster.path} yet: retrieve index FOLDER")
    if space is not None and space not in there:
        raise BadInput(f"{cluster.path} has no space {space!r}; it has: {', '.join(there)}")
    kind = space or there[0]
    wanted = conditions.sent(wanted)
    answers = cluster.ask(points_here, kind, wanted, 0, seed).some()
    conditions.check(cluster, wanted, (known for _, known in answers.values()))
    sizes = {shard: found.of for shard, (found, _) in answers.items() if found.of}
    total = sum(sizes.values())
    # So many that together they are `most`, rounded nowhere twice.
    ends = np.rint(np.cumsum([*sizes.values()]) * min(most, total) / max(total, 1)).astype(int)
    shares = np.diff(ends, prepend=0).tolist()
    each = {shard: (share, seed) for shard, share in zip(sizes, shares, strict=True) if share}
    found = cluster.ask(points_here, kind, wanted, each=each).some() if each else {}
    parts = [(shard, points) for shard, (points, _) in found.items()]
    items = tuple(_of(shard, one) for shard, part in parts for one in part.items)
    held = cluster.space(kind)
    dim = 0 if held is None else held.dim
    embeddings = [part.embeddings for _, part in parts] or [np.empty((0, dim), np.float32)]
    notes = tuple(dict.fromkeys(note for _, part in parts for note in part.notes))
    return Points(kind, np.concatenate(embeddings), items, total, notes)


def points_here(
    collection: Collection, space: str, wanted: Filter, most: int, seed: int
) -> tuple[Points, tuple[str, ...]]:
    """A question: points of a shard, and whom it knows of the persons asked for."""
    found, known = conditions.here(collection.db, wanted)
    if found is None or collection.space(space) is None:
        return Points(space, np.empty((0, 0), np.float32), (), 0), known
    return maps.points_of(collection, space, wanted=found, most=most, seed=seed), known


def _of(shard: int, one: Item) -> Item:
    return one if one.face_id is None else replace(one, face_id=of_cluster(shard, one.face_id))
