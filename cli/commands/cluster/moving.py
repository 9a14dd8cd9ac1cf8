"""retrieve cluster move, retrieve cluster rebalance"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.commands.cluster.opened import opened_cluster
from retrieve.cli.exits import ERROR
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing.clusters import told


def move(
    shard: Annotated[int, typer.Argument(metavar="SHARD", min=0, help="Its number.")],
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where it is to lie; not there yet, on any disk."),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    copy: Annotated[
        int, typer.Option(min=0, help="Which copy; 0 is the one that is written to.")
    ] = 0,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a shard of a cluster lie on another disk.

    It is copied and compared before the cluster knows the new folder; then the
    old one is overwritten and removed. Every machine that serves shards has to
    see the folder under the same path.

    Example: retrieve cluster move 3 /mnt/disk2/0003 -c /mnt/archive/cluster
    """
    from retrieve.indexes.cluster.life.copies import moving

    with opened_cluster(collection, engine) as cluster, cluster.changing():
        done = moving.move(cluster, shard, folder, copy=copy)
    told.moved([done], done=True, as_json=as_json)


def rebalance(
    over: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Spread shards over this folder, too, beside those they lie in. Repeatable.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    segment: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Merge shards of less than half as many files into some of up to so many; 0 "
            "merges none.",
        ),
    ] = 5_000,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be merged and moved; change nothing."),
    ] = False,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge small shards of a cluster, and spread all over folders by their bytes.

    Many small runs of index leave many small shards, each of which every search
    asks. Those of one --segment become one shard, of which the largest keeps
    its number and the ids of its faces and photos; the others' are new. Then
    each folder gets about as many bytes. One after another: Ctrl-C leaves what
    is done and what is not, both whole.

    Example: retrieve cluster rebalance --over /mnt/disk2 -c /mnt/archive/cluster
    """
    from retrieve.indexes.cluster.life.copies import moving
    from retrieve.indexes.cluster.life.merging import merge as merging

    with opened_cluster(collection, engine) as cluster:
        merges = merging.small(cluster.manifest.shards(), segment)
        left: merging.Left = []
        if dry_run:
            moves = moving.spread(cluster, over or [])
        else:
            with cluster.changing():
                merges = merging.small(cluster.manifest.shards(), segment)
                merges, left = merging.merge_all(cluster, merges)
                moves = moving.spread(cluster, over or [])
                for one in moves:
                    moving.move(cluster, one.shard, one.target)
        large = merging.large(cluster.manifest.shards(), segment)
    told.rebalanced(merges, left, moves, large, done=not dry_run, as_json=as_json)
    if left:
        raise typer.Exit(ERROR)
