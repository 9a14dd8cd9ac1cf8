"""retrieve backup"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EngineOption,
    JsonOption,
    to_write,
)
from retrieve.cli.showing import render
from retrieve.cli.showing.clusters import told


def backup(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The backup to write, a tar; of a cluster a folder.",
            callback=to_write,
        ),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a collection into one file, while others go on writing to it.

    Photos are not in it: it holds embeddings, small pictures of faces, passages
    of texts, names and paths, and nothing that was forgotten. A cluster is copied
    into a folder, a file for each shard; one that has not changed since the
    backup that is there is not copied again.

    Example: retrieve backup faces.tar
    """
    from retrieve.indexes import keeping
    from retrieve.indexes.cluster.life.backing_up import BackedUp
    from retrieve.indexes.opening import open_collection

    with (
        open_collection(collection, engine=engine) as opened,
        render.download("copying") as on_bytes,
    ):
        manifest = keeping.backup(opened, file, force=force, on_bytes=on_bytes)
    if isinstance(manifest, BackedUp):
        told.backed_up(manifest, as_json=as_json)
        return
    size = file.stat().st_size
    if as_json:
        members = {name: member.sha256 for name, member in manifest.members.items()}
        render.as_json({"file": render.shown(file), "size_bytes": size, "sha256": members})
    else:
        render.line(f"wrote {render.shown(file)}, {size / 1e6:,.1f} MB")
