"""retrieve backup"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption, to_write
from retrieve.cli.showing import render


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The backup to write, a tar.", callback=to_write)
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a collection into one file, while others go on writing to it.

    Photos are not in it: it holds embeddings, small pictures of faces, passages
    of texts, names and paths, and nothing that was forgotten.

    Example: retrieve backup faces.tar
    """
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.upkeep.backup import backup

    with open_collection(collection) as opened, render.download("copying") as on_bytes:
        manifest = backup(opened, file, force=force, on_bytes=on_bytes)
    size = file.stat().st_size
    if as_json:
        members = {name: member.sha256 for name, member in manifest.members.items()}
        render.as_json({"file": render.shown(file), "size_bytes": size, "sha256": members})
    else:
        render.line(f"wrote {render.shown(file)}, {size / 1e6:,.1f} MB")
