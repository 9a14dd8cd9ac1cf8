"""retrieve repair"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    Device,
    DeviceOption,
    EngineOption,
    JsonOption,
    TimeLimitOption,
)
from retrieve.cli.showing import render, reports
from retrieve.cli.showing.clusters import told


def repair(
    collection: CollectionOption = DEFAULT_COLLECTION,
    device: DeviceOption = Device.CPU,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that decode and detect, one core each.")
    ] = 2,
    time_limit: TimeLimitOption = 60.0,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make damaged rows, embeddings and indexes again.

    What the catalog says of a file, its texts and the pictures of its faces are
    made again from that file where it is still there as it was. Faces are
    embedded again from their photographs, passages from what is stored.
    Finishes also what an interrupted run has left. What cannot be
    repaired is listed with its reason and stays known as damaged; then the exit
    status is 1. Of a cluster each shard does so; one that cannot is taken from a
    replica that is whole, and the manifest is made to say what the shards hold.

    Example: retrieve repair
    """
    from retrieve.indexes import keeping
    from retrieve.indexes.cluster.cluster import Cluster
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.upkeep.repair import repair as repair_now

    with (
        render.download() as on_download,
        open_collection(
            collection, device=device.value, on_download=on_download, engine=engine
        ) as opened,
        render.words_progress("photos") as show,
    ):
        if isinstance(opened, Cluster):
            over_shards = keeping.repair(opened, processes=processes, time_limit_s=time_limit)
            told.repaired(over_shards, as_json=as_json)
            raise typer.Exit(0 if over_shards.is_whole else 1)
        done = repair_now(
            opened,
            processes=processes,
            time_limit_s=time_limit,
            on_progress=lambda photos, of: show("embedding again", photos, of),
        )
    if as_json:
        render.as_json(render.fields_of(done))
    else:
        reports.repaired(done)
    if done.damaged or done.lost:
        raise typer.Exit(1)
