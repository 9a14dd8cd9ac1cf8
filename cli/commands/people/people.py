"""retrieve people"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EngineOption,
    ImagesOption,
    JsonOption,
    to_write,
)
from retrieve.cli.showing import render
from retrieve.cli.showing.people import listing as showing
from retrieve.cli.showing.terminal.screen import Images


def people(
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    unnamed: Annotated[
        bool, typer.Option("--unnamed", help="Only those whom nobody named yet.")
    ] = False,
    everyone: Annotated[
        bool,
        typer.Option(
            "--all", help="Those with fewer than three faces and no name too, and ignored ones."
        ),
    ] = False,
    person: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PERSON",
            help="Only this person, by name or #id. Repeatable.",
            autocompletion=completing.persons,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page with all their faces to this file.",
            dir_okay=False,
            callback=to_write,
        ),
    ] = None,
    images: ImagesOption = Images.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Show who is in the photos, named or not: faces, photos, and from when to when.

    Whoever has a name is shown from one face on, whoever has none from three. In
    place of a name stands #id, which every command takes for a person.

    Example: retrieve people --unnamed --html people.html
    """
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, engine=engine) as opened:
        only = [choosing.person(opened, text) for text in person or []]
        found = opened.people.listing(unnamed=unnamed, everyone=everyone, only=only)
        picture = opened.people.picture
        if html is not None:
            showing.write_people(html, found, picture, noted_in=opened.notes())
            render.note(f"written: {html}")
        elif as_json:
            showing.people_json(found)
        elif found:
            showing.people_table(found, picture, render.pictures(images))
        elif unnamed:
            render.note("nobody without a name has three faces or more: retrieve people --all")
        else:
            render.note("nobody has a name yet: retrieve name NAME PHOTO")
        if html is not None and as_json:
            showing.people_json(found)
