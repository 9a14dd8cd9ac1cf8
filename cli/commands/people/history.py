"""retrieve history"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.people import said


def history(
    person: Annotated[
        str | None,
        typer.Option(
            metavar="PERSON",
            help="Only what is about this person, by name or #id.",
            autocompletion=completing.persons,
        ),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    as_json: JsonOption = False,
) -> None:
    """Show what was said of faces, the oldest first, with the numbers that undo takes.

    Example: retrieve history --person Ana
    """
    from retrieve.indexes.catalog.database import reading
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import statements, wording

    with open_collection(collection) as opened, reading(opened.db):
        about = choosing.person(opened, person) if person is not None else None
        told = statements.history(opened.db, about)
        words = [wording.said(opened.db, line) for line, *_ in told]
    if as_json:
        said.history_json(told, words)
    elif told:
        said.history_lines(told, words)
    else:
        render.note("nothing was said yet: retrieve name NAME PHOTO")
