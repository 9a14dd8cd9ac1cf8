"""retrieve info"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from retrieve.cli.showing import render


def info(
    collection: CollectionOption = DEFAULT_COLLECTION,
    as_json: JsonOption = False,
    skipped: Annotated[
        bool, typer.Option("--skipped", help="List the files that could not be used.")
    ] = False,
) -> None:
    """Show what a collection holds and which networks made it.

    Example: retrieve info --skipped
    """
    from retrieve.indexes.opening import open_collection

    with open_collection(collection) as opened:
        render.info(opened.info(), opened.skipped() if skipped else None, as_json=as_json)
