"""retrieve info"""

from __future__ import annotations

from typing import Annotated

import typer

from cli import render
from cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption


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
    from indexes.collection import open_collection

    with open_collection(collection) as opened:
        render.info(opened.info(), opened.skipped() if skipped else None, as_json=as_json)
