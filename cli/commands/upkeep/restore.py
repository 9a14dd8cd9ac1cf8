"""retrieve restore"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.clusters import told
from retrieve.cli.showing.reports import counted


def restore(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="What retrieve backup wrote: a file, or a folder."),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    as_json: JsonOption = False,
) -> None:
    """Make a collection out of a backup, in a new or an empty folder.

    Checksums, tables and values are looked at before anything of it can be
    seen. An empty folder that is there, a mount point too, keeps its mode. A folder
    that holds the backup of a cluster becomes a cluster.

    Example: retrieve restore faces.tar --collection restored
    """
    from retrieve.indexes import keeping
    from retrieve.indexes.cluster.life.backing_up import ClusterBackup
    from retrieve.indexes.opening import open_collection

    with render.download("restoring") as on_bytes:
        manifest = keeping.restore(file, collection, on_bytes=on_bytes)
    if isinstance(manifest, ClusterBackup):
        told.restored(manifest, collection, as_json=as_json)
        return
    with open_collection(collection) as opened:
        counts = opened.info().counts
    if as_json:
        where = render.shown(collection)
        render.as_json({"collection": where, "made_at": manifest.made_at, **counts})
    else:
        parts = [
            counted(counts[many], one)
            for one, many in (
                ("photo", "photos"),
                ("face", "faces"),
                ("text", "texts"),
                ("passage", "passages"),
            )
        ]
        render.line(
            f"restored {', '.join(parts)} as of {manifest.made_at} to {render.shown(collection)}"
        )
