"""What is drawn of whatever is opened, a collection or a cluster: the points of a map."""

from __future__ import annotations

from retrieve.indexes import maps
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.cluster.browsing import points
from retrieve.indexes.cluster.cluster import Cluster
from retrieve.indexes.collection import Collection
from retrieve.indexes.maps import Points


def points_of(
    opened: Collection,
    space: str | None = None,
    *,
    wanted: Filter = EVERYTHING,
    most: int,
    seed: int = 0,
) -> Points:
    """The living embeddings of a space, as maps.points_of(); of a cluster from all its shards."""
    if isinstance(opened, Cluster):
        return points.points_of(opened, space, wanted=wanted, most=most, seed=seed)
    return maps.points_of(opened, space, wanted=wanted, most=most, seed=seed)
