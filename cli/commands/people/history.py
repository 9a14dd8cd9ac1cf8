"""retrieve history"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
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
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was said of faces, the oldest first, with the numbers that undo takes.

    Example: retrieve history --person Ana
    """
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import statements, wording

    with open_collection(collection, engine=engine) as opened:
        about = choosing.person(opened, person) if person is not None else None
        with opened.people.looking(every=True) as db:
            told = statements.history(db, about)
            words = [wording.said(db, line) for line, *_ in told]
    if as_json:
        said.history_json(told, words)
    elif told:
        said.history_lines(told, words)
    else:
        render.note("nothing was said yet: retrieve name NAME PHOTO")
