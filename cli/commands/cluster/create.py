"""retrieve cluster create"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.exits import BadUsage
from retrieve.cli.options import JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.reports import counted


def create(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Of the cluster, where every machine sees it.")
    ],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="COLLECTION",
            help="A collection that is copied and becomes the first shard; it stays as it is.",
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Make the manifest anew from the shards, where it is lost or damaged.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a cluster: a folder of shards, each an ordinary collection.

    What is indexed into it is cut into segments, at which several processes or
    machines work, and each segment becomes a shard. Ids of faces and numbers of
    persons of a collection that it is made of stay what they were.

    Example: retrieve cluster create /mnt/archive/cluster --from ~/photos.retrieve
    """
    from retrieve.indexes.cluster import making

    if again and source is not None:
        raise BadUsage("give --from or --again: a manifest is made anew from the shards alone")
    if again:
        done = making.create_again(folder.absolute())
        if as_json:
            render.as_json({"collection": render.shown(folder)} | render.fields_of(done))
            return
        shards = counted(len(done.shards), "shard")
        render.line(f"made the manifest of {render.shown(folder)} anew, of {shards}")
        if done.missing:
            render.note(
                "not found, as they lay elsewhere or are lost: shards "
                + ", ".join(map(str, done.missing))
            )
        return
    with render.download("copying") as on_bytes:
        making.create(folder.absolute(), source, on_bytes=on_bytes)
    if as_json:
        of = None if source is None else render.shown(source)
        render.as_json({"collection": render.shown(folder), "from": of})
        return
    of = "empty" if source is None else f"of {render.shown(source)}"
    render.line(f"made the cluster {render.shown(folder)}, {of}")
    render.note(f"next: retrieve index FOLDER... --collection {render.shown(folder)}")
