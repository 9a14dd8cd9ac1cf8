"""Ids that hold over a whole cluster: which shard, and the id there.

    of_cluster(3, 17)            # 12884901905
    of_shard(12884901905)        # (3, 17)

The first shard is number 0, so that whatever was a collection before it became a cluster keeps the
ids it had. Persons have no such ids: one person is the same number in every shard that has faces of
theirs, and the manifest gives those numbers out.
"""

from __future__ import annotations

from retrieve.errors import BadInput

BITS = 32  # of an id within its shard
MOST_SHARDS = 1 << 21  # with that all ids stay below 2^53, which JSON's readers keep exact
# Persons whom a shard has made by itself, of names in its photos, have numbers from here on, until
# the cluster gives them others (people/numbering.py).
OWN_PERSONS = 1 << 40


def of_cluster(shard: int, id: int) -> int:
    """The id in the cluster of what has that id in a shard.

    raises  BadInput where either is too large to be told from others
    """
    if not (0 <= shard < MOST_SHARDS and 0 <= id < 1 << BITS):
        raise BadInput(
            f"wanted a shard below {MOST_SHARDS:,} and an id below {1 << BITS:,}; got {shard}, {id}"
        )
    return shard << BITS | id


def of_shard(id: int) -> tuple[int, int]:
    """The shard and the id there of what has that id in the cluster."""
    return id >> BITS, id & (1 << BITS) - 1
