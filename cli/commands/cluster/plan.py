"""retrieve cluster plan"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import JsonOption
from retrieve.cli.showing.clusters import told


def _number(text: str | int) -> int:
    """As people and Python write numbers: 100_000_000, 100,000,000, 1e8."""
    try:
        value = float(str(text).replace(",", "").replace("_", ""))
    except ValueError:
        value = -1.0
    if value < 0 or value != int(value):
        raise typer.BadParameter(f"wanted a number as 100_000_000; got {text!r}")
    return int(value)


def plan(
    photos: Annotated[
        int, typer.Option(parser=_number, metavar="N", help="How many, as 100_000_000 or 1e8.")
    ] = 0,
    texts: Annotated[int, typer.Option(parser=_number, metavar="N", help="Likewise.")] = 0,
    faces: Annotated[float, typer.Option(min=0, help="Faces a photo, on average.")] = 1.0,
    passages: Annotated[float, typer.Option(min=0, help="Passages a text, on average.")] = 10.0,
    nodes: Annotated[
        int | None,
        typer.Option(min=1, help="Machines.", show_default="as many as it takes"),
    ] = None,
    cores: Annotated[int, typer.Option(min=1, help="Of each machine.")] = 8,
    memory: Annotated[float, typer.Option(min=0.5, help="GB of each machine.")] = 32.0,
    days: Annotated[
        float, typer.Option(min=0.01, help="To index in, where --nodes does not say how many.")
    ] = 7.0,
    replicas: Annotated[
        int, typer.Option(min=0, help="Copies of each shard, beside the one written to.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Reckon what a cluster takes: machines, hours, disk, memory, shards.

    From the figures that were measured for this project, with the arithmetic of
    each line. Nothing is looked at and nothing changed.

    Example: retrieve cluster plan --photos 100_000_000 --replicas 1
    """
    from retrieve.indexes.cluster import plan as reckoning

    asked = reckoning.Asked(
        photos,
        texts,
        faces_per_photo=faces,
        passages_per_text=passages,
        nodes=nodes,
        cores=cores,
        memory_gb=memory,
        days=days,
        copies=replicas + 1,
    )
    told.planned(reckoning.plan(asked), as_json=as_json)
