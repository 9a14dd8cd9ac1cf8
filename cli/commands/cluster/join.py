"""retrieve cluster join"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.reports import counted
from retrieve.errors import BadInput


def join(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of the cluster.")],
    collection: Annotated[
        Path,
        typer.Argument(metavar="COLLECTION", help="The folder to make; it is not there, or empty."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Make one ordinary collection of all shards of a cluster, which stays as it is.

    No file is read again and nothing is embedded again. Persons keep their
    numbers and what was said of them; of faces, the first shard's keep their ids.

    Example: retrieve cluster join /mnt/archive/cluster ~/photos.retrieve
    """
    from retrieve.indexes.cluster.cluster import open_cluster
    from retrieve.indexes.cluster.joining import join
    from retrieve.indexes.cluster.manifest import is_cluster

    if not is_cluster(folder):
        raise BadInput(f"wanted a cluster; {folder} is none: retrieve cluster create FOLDER")
    with (
        open_cluster(folder) as cluster,
        cluster.changing(),
        render.counting("shards", "joining") as on_shard,
    ):
        done = join(cluster, collection.absolute(), on_shard=on_shard)
    if as_json:
        render.as_json({"collection": render.shown(collection)} | render.fields_of(done))
        return
    held = ", ".join(
        counted(done.counts[many], one)
        for one, many in (("photo", "photos"), ("face", "faces"), ("text", "texts"))
    )
    render.line(f"made {render.shown(collection)} of {counted(done.shards, 'shard')}: {held}")
