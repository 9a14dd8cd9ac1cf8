"""retrieve name, retrieve people"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from retrieve.cli.showing import render
from retrieve.errors import BadInput


def name(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME] PHOTO[:FACE]...",
            help="The name, and indexed photos; of a photo with several faces also which one.",
        ),
    ] = None,
    face_id: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="A face by the id that --json shows. Repeatable."),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(metavar="OLD", help="All faces of this person, who is called NAME from now."),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take names away; then no NAME is given.")
    ] = False,
    collection: CollectionOption = DEFAULT_COLLECTION,
) -> None:
    """Give stored faces a name, or take it away.

    A name belongs to the faces that it was given to and to no others; `retrieve search`
    shows it, and --person looks among them. Case and accents do not tell people apart.

    Example: retrieve name Ana album/beach.jpg album/party.jpg:2
    """
    from retrieve.indexes.catalog import naming, persons
    from retrieve.indexes.catalog.database import writing
    from retrieve.indexes.collection import open_collection
    from retrieve.indexes.people import statements
    from retrieve.unfinished import remove_left_of

    called, photos = (None, given or []) if remove else (_first(given), (given or [])[1:])
    if not (photos or face_id or person):
        raise BadInput("wanted faces to name: PHOTO, PHOTO:FACE, --face-id ID or --person OLD")
    with open_collection(collection) as opened, writing(opened.db):
        remove_left_of(opened.path)
        db = opened.db
        faces = [naming.face_id(db, text) for text in photos] + (face_id or [])
        if called is None:
            faces += persons.faces_of(db, person) if person else []
            statements.say_nobody(db, faces)
            render.line(f"{_count(len(set(faces)))} without a name now")
            return
        if person:
            said = statements.rename(db, persons.person_id(db, person), called)
        if faces or not person:
            said = statements.say_name(db, called, faces)
    render.line(f"{said.name}: {_count(said.faces)}")


def people(collection: CollectionOption = DEFAULT_COLLECTION, as_json: JsonOption = False) -> None:
    """List the names that faces were given.

    Example: retrieve people
    """
    from retrieve.indexes.catalog import persons
    from retrieve.indexes.catalog.sums import check_table
    from retrieve.indexes.collection import open_collection

    with open_collection(collection) as opened:
        check_table(opened.db, "persons", "faces")
        found = persons.persons(opened.db)
    if as_json:
        for one in found:
            render.as_json({key: value for key, value in asdict(one).items() if key != "id"})
    elif found:
        rows = ((one.name, str(one.faces), str(one.photos)) for one in found)
        render.table(("name", "faces", "photos"), rows, right="faces photos")
    else:
        render.note("nobody has a name yet: retrieve name NAME PHOTO")


def _first(given: list[str] | None) -> str:
    if not given:
        raise BadInput("wanted a name and faces, as: retrieve name Ana photo.jpg")
    return given[0]


def _count(faces: int) -> str:
    return f"{faces} face{'' if faces == 1 else 's'}"
