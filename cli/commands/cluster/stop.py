"""retrieve cluster stop"""

from __future__ import annotations

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.reports import counted


def stop(collection: CollectionOption = DEFAULT_COLLECTION, as_json: JsonOption = False) -> None:
    """End the servers of a cluster's shards on the Ray cluster that RAY_ADDRESS names.

    They stay when a command has ended, with their indexes in memory, and the
    next command asks them. Without them another machine may open the shards
    with --engine local; the next command with --engine ray begins them anew.

    Example: retrieve cluster stop -c /mnt/archive/cluster
    """
    from retrieve.indexes.cluster.cluster import open_cluster

    with open_cluster(collection, engine="ray") as opened:
        ended = opened.engine_of_tasks.end_servers()
    if as_json:
        render.as_json({"collection": render.shown(collection), "ended": ended})
    else:
        render.line(f"ended {counted(ended, 'server')}")
