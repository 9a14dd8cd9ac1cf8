"""retrieve together, retrieve graph"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrieve.cli import completing
from retrieve.cli.conditions import with_conditions
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EngineOption,
    JsonOption,
    to_write,
)
from retrieve.cli.showing import render
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from retrieve.indexes.catalog.filters import Filter
    from retrieve.indexes.people.together import Seen, Shared


@with_conditions
def together(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="PERSON...",
            help="Names, or #id as people shows them.",
            autocompletion=completing.persons,
        ),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many photos to show.")] = 20,
    *,
    wanted: Filter,
    as_json: JsonOption = False,
) -> None:
    """List the photos that show all of some people, in order of time.

    Example: retrieve together Ana Luis --since 2019
    """
    from retrieve.cli.choosing import person, settled
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, engine=engine) as opened:
        people = [person(opened, name) for name in names]  # may ask, and that takes its time
        wanted = settled(opened, wanted)
        found = opened.people.photos_with(people, wanted)
    if as_json:
        for photo in found[:k]:
            render.as_json(_object(photo))
        return
    if not found:
        render.line("no photo shows all of them" if len(names) > 1 else "no photo shows them")
        return
    rows = [
        (
            (photo.taken_at or "")[:10],
            render.shown(render.near(photo.path)),
            ", ".join(f"{_called(seen)} :{seen.number}" for seen in photo.faces),
        )
        for photo in found[:k]
    ]
    render.table(("date", "photo", "faces"), rows)
    if len(found) > k:
        render.note(f"{k} of {len(found)} photos; for all: -k {len(found)}")


@with_conditions
def graph(
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="People without a name too, as #id.")
    ] = False,
    k: Annotated[int, typer.Option("-k", min=1, help="How many pairs to list.")] = 20,
    graphml: Annotated[
        Path | None,
        typer.Option(
            help="File to write for Gephi, yEd, networkx, ...", dir_okay=False, callback=to_write
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Picture to write: .png, .svg or .pdf.", dir_okay=False, callback=to_write
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, help="How many people to draw, those with most photos.")
    ] = 60,
    *,
    wanted: Filter,
    as_json: JsonOption = False,
) -> None:
    """Show who is seen with whom: pairs of people, and how many photos show both.

    With --person only photos that show them too.

    Example: retrieve graph --out people.png --folder ~/Pictures/boda
    """
    if out is not None:
        from retrieve.cli.showing.plotting import checked

        checked(out)
    from retrieve.cli.choosing import settled
    from retrieve.cli.showing.maps import people as showing
    from retrieve.indexes.catalog.filters import EVERYTHING
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, engine=engine) as opened:
        wanted = settled(opened, wanted)
        found = opened.people.graph(every=every, wanted=wanted)
        if not found.people:
            if wanted != EVERYTHING:
                raise BadInput("no photo that satisfies the conditions shows anybody with a name")
            raise BadInput(
                "nobody has a name yet: retrieve name NAME PHOTO"
                if not every
                else "there is nobody in this collection yet: retrieve index FOLDER"
            )
        noted_in = opened.notes()
        for file in (graphml, out):
            if file is None:
                continue
            try:
                if file is graphml:
                    showing.write_graphml(file, found, noted_in=noted_in)
                else:
                    crop = opened.people.crop
                    showing.write_picture(file, found, crop, most=most, noted_in=noted_in)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise BadInput(f"cannot write {file}: {reason}") from error
            render.note(f"wrote {file}")
    if as_json:
        showing.as_json(found)
    else:
        showing.table(found, k)


def _called(seen: Seen) -> str:
    return f"#{seen.person_id}" if seen.person is None else seen.person


def _object(photo: Shared) -> dict[str, Any]:
    return {
        "path": render.shown(photo.path),
        "taken_at": photo.taken_at,
        "faces": [
            {
                "face_id": seen.face_id,
                "face": seen.number,
                "box": _numbers(seen.box),
                "person_id": seen.person_id,
                "person": seen.person,
                "by": seen.by,
            }
            for seen in photo.faces
        ],
    }


def _numbers(values: Sequence[float]) -> list[float]:
    return [round(value, 2) for value in values]
