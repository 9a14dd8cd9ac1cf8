"""retrieve cluster replicas"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.commands.cluster.opened import opened_cluster
from retrieve.cli.exits import ERROR
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing.clusters import told


def replicas(
    number: Annotated[
        int,
        typer.Argument(metavar="N", min=0, help="Copies of each shard, beside the one written to."),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep N copies of each shard of a cluster, or let copies go.

    They lie in replicas/ of the cluster, and `cluster move --copy` puts them on
    other disks. Whatever changes the cluster brings them up to it; a search asks
    one where the first copy does not answer; what is forgotten is overwritten in
    each.

    Example: retrieve cluster replicas 1 -c /mnt/archive/cluster
    """
    from retrieve.indexes.cluster.life.copies.refreshing import put_replicas

    with opened_cluster(collection, engine) as cluster, cluster.changing():
        done = put_replicas(cluster, number)
    told.refreshed(done, as_json=as_json)
    if done.left:
        raise typer.Exit(ERROR)
