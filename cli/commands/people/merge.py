"""retrieve merge"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing.people import said


def merge(
    one: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="Who stays, by name or #id.",
            show_default=False,
            autocompletion=completing.persons,
        ),
    ],
    other: Annotated[
        str,
        typer.Argument(
            metavar="OTHER",
            help="Who is the same one.",
            show_default=False,
            autocompletion=completing.persons,
        ),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that two persons are one.

    The first stays with name and id, but one without a name gives way to one who
    has one. All faces are one person's then, those in the same photo too; which
    photos show them twice is told.

    Example: retrieve merge Ana '#12'
    """
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import statements

    with open_collection(collection, engine=engine) as opened:
        ids = choosing.person(opened, one), choosing.person(opened, other)
        with opened.people.saying(persons=ids) as db:
            outcome = statements.say_same(db, *ids)
    said.outcome(outcome, as_json=as_json)
