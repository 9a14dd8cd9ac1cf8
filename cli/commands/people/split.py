"""retrieve split"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing.people import said


def split(
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="Whose they are not.",
            show_default=False,
            autocompletion=completing.persons,
        ),
    ],
    faces: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PHOTO[:FACE]...",
            help="Indexed photos; of one with several faces also which one.",
            show_default=False,
        ),
    ] = None,
    face_id: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="A face by the id that --json shows. Repeatable."),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that some faces of a person are somebody else: one person, without a name yet.

    Example: retrieve split Ana album/party.jpg:2
    """
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import naming, statements

    with open_collection(collection, engine=engine) as opened:
        id = choosing.person(opened, person)
        asked = opened.people.saying(persons=[id], faces=face_id or (), photos=faces or ())
        with asked as db:
            ids = [naming.face_id(db, text) for text in faces or []] + (face_id or [])
            outcome = statements.split(db, id, ids)
    said.outcome(outcome, as_json=as_json)
