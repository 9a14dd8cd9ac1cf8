"""retrieve ignore"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.exits import BadUsage
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.people import said


def ignore(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PERSON|PHOTO[:FACE]...",
            help="Persons by name or #id, or indexed photos; of one with several faces also which.",
            show_default=False,
            autocompletion=completing.persons,
        ),
    ] = None,
    face_id: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="A face by the id that --json shows. Repeatable."),
    ] = None,
    not_a_face: Annotated[
        bool,
        typer.Option(
            "--not-a-face", help="These are no faces at all; of a person all theirs are none."
        ),
    ] = False,
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that somebody is not to be asked about, or that something is no face.

    A face stands for its person; if that one has a name it is taken from them
    first. What is no face is found by no search and is in no group.

    Example: retrieve ignore '#31' album/party.jpg:4

    Example: retrieve ignore --not-a-face album/statue.jpg:1
    """
    from retrieve.indexes.catalog import persons
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import naming, statements

    if not (given or face_id):
        raise BadUsage("wanted PERSON, PHOTO:FACE or --face-id ID; got none of them")
    with open_collection(collection, engine=engine) as opened:
        people = [choosing.person(opened, one) for one in given or [] if opened.is_person(one)]
        photos = [one for one in given or [] if not opened.is_person(one)]
        with opened.people.saying(persons=people, faces=face_id or (), photos=photos) as db:
            faces = [naming.face_id(db, text) for text in photos] + (face_id or [])
            if not_a_face:
                faces += [id for one in people for id in persons.faces_of(db, f"#{one}")]
                outcome = statements.say_not_a_face(db, list(dict.fromkeys(faces)))
                told = f"{said.count(len(set(faces)))} found by no search any more"
            else:
                outcome = statements.say_ignore(db, person_ids=people, face_ids=faces)
                told = f"ignored: {_listed(len(outcome.lines))}"
    if as_json:
        render.as_json({"lines": list(outcome.lines), "notes": list(outcome.notes)})
        return
    render.line(told)
    said.remarks(outcome)


def _listed(lines: int) -> str:
    return f"{lines} statement{'' if lines == 1 else 's'}"
