"""retrieve undo"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from retrieve.cli.showing import render


def undo(
    ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[ID]...",
            help="Which, by the numbers of `retrieve history`.",
            show_default="what was said last",
        ),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    as_json: JsonOption = False,
) -> None:
    """Take back what was said of faces: names, merging, splitting, ignoring.

    Faces go where they were. Undoing is said too, and can be undone by its own
    number. What was forgotten cannot be brought back.

    Example: retrieve undo
    """
    from retrieve.indexes.catalog.database import writing
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import statements, wording

    with open_collection(collection) as opened:
        with writing(opened.db):
            wanted: list[int | None] = [*ids] if ids else [None]
            done = [statements.undo(opened.db, id) for id in wanted]
        for line in done:
            words = wording.said(opened.db, line)
            if as_json:
                render.as_json({"taken_back": line.id, "said": words})
            else:
                render.line(f"taken back: {line.id}, that {words}")
