"""retrieve identify"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.conditions import with_conditions
from retrieve.cli.exits import ERROR, NO, UNSURE, BadUsage
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    DetectorOption,
    Device,
    DeviceOption,
    EngineOption,
    ImagesOption,
    JsonOption,
    ModelOption,
    ReplicasOption,
    RequireAllOption,
    StrangersOption,
    TurnOption,
)
from retrieve.cli.showing import render
from retrieve.cli.showing.terminal.screen import Images

if TYPE_CHECKING:
    from retrieve.indexes.catalog.filters import Filter


@with_conditions
def identify(
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO...", help="Photos with faces.", exists=True, dir_okay=False),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    replicas: ReplicasOption = 1,
    require_all: RequireAllOption = False,
    strangers: StrangersOption = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=-1,
            max=1,
            help="Lowest score that names somebody, in place of --strangers.",
            show_default="as --strangers says",
        ),
    ] = None,
    unnamed: Annotated[
        bool, typer.Option("--all", help="Compare with persons whom nobody named, too.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show the nearest faces of the person and the runner-up."),
    ] = False,
    *,
    wanted: Filter,
    images: ImagesOption = Images.AUTO,
    as_json: JsonOption = False,
    model: ModelOption = None,
    detector: DetectorOption = None,
    turn: TurnOption = None,
    device: DeviceOption = Device.CPU,
) -> None:
    """Say whose each face in PHOTO is: a name, or unknown.

    A face is compared with everybody who has a name. It gets one if the score
    is higher than strangers reach, but for the chance of --strangers, and if
    nobody else is nearly as probable. Two faces of one photo are two people.
    Conditions (--person, --since, ...) choose the stored faces.
    Exit 0: somebody is known. Exit 3: nobody is. Exit 4: no photo shows a face.

    Example: retrieve identify party.jpg --explain
    """
    from retrieve.indexes.building.processes import FOR_PHOTOS, begin

    if threshold is not None and strangers is not None:
        raise BadUsage("wanted --threshold or --strangers, from which it follows; got both")
    begin(FOR_PHOTOS)  # while the rest is imported
    from retrieve.cli.showing.people import identified
    from retrieve.indexes.opening import open_collection
    from retrieve.photos import BadPhoto

    with (
        render.download() as on_download,
        open_collection(
            collection,
            detector=detector,
            embedder=model,
            device=device.value,
            turns=turn,
            on_download=on_download,
            engine=engine,
            replicas=replicas,
            require_all=require_all,
        ) as opened,
    ):
        found = []
        for photo in photos:
            try:
                one = opened.identify(
                    photo,
                    threshold=threshold,
                    strangers=strangers,
                    wanted=wanted,
                    unnamed=unnamed,
                )
            except BadPhoto as error:
                render.skipped(photo, error.reason)
                if as_json:
                    identified.skipped_json(photo, error.reason)
                continue
            found.append(one)
            if as_json:
                identified.as_json(one, explain=explain)
            if not one.faces:
                render.note(f"no face found in {render.shown(photo)}")
        if not as_json:
            pictures = render.pictures(images) if explain else None
            identified.tables(found, explain=explain, pictures=pictures)
    if not found:
        raise typer.Exit(ERROR)
    if not any(one.faces for one in found):
        raise typer.Exit(UNSURE)
    if not any(face.who for one in found for face in one):
        raise typer.Exit(NO)
