"""retrieve compact"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EngineOption,
    JsonOption,
)
from retrieve.cli.showing import render, reports


def compact(
    collection: CollectionOption = DEFAULT_COLLECTION,
    gone: Annotated[
        bool, typer.Option("--gone", help="Remove photos and texts, too, whose files are all gone.")
    ] = False,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give back the space of what was deleted or replaced.

    Others may search and index meanwhile. Takes as much free space as the
    collection has. With --gone a drive that is not mounted now has to be
    indexed again.

    Example: retrieve compact --gone
    """
    from retrieve.indexes import keeping
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, engine=engine) as opened:
        done = keeping.compact(opened, gone=gone)
    if as_json:
        render.as_json(render.fields_of(done))
    else:
        reports.compacted(done)
