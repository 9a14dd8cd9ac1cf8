"""retrieve not-same"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.people import said


def not_same(
    one: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="Somebody, by name or #id.",
            show_default=False,
            autocompletion=completing.persons,
        ),
    ],
    other: Annotated[
        str,
        typer.Argument(
            metavar="OTHER",
            help="Who is somebody else.",
            show_default=False,
            autocompletion=completing.persons,
        ),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that two persons are two, however alike they look.

    No clustering makes them one, and no question is asked about them again.

    Example: retrieve not-same Ana Eva
    """
    from retrieve.indexes.catalog import persons
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import statements

    with open_collection(collection, engine=engine) as opened:
        ids = choosing.person(opened, one), choosing.person(opened, other)
        with opened.people.saying(persons=ids) as db:
            outcome = statements.say_not_same(db, *ids)
            first, second = (persons.person(db, id).shown for id in ids)
    if as_json:
        render.as_json({"persons": list(ids), "lines": list(outcome.lines)})
        return
    render.line(f"{first} and {second} are two people")
    said.remarks(outcome)
