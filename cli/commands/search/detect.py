"""retrieve detect"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import DetectorOption, Device, DeviceOption, JsonOption, TurnOption
from retrieve.cli.showing import facehits, render


def detect(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos and folders.")],
    detector: DetectorOption = None,
    turn: TurnOption = None,
    device: DeviceOption = Device.CPU,
    as_json: JsonOption = False,
    draw: Annotated[
        Path | None, typer.Option(help="Draw the faces on copies in this folder.", file_okay=False)
    ] = None,
) -> None:
    """Show where the faces in PHOTO are, and how good they are for recognition.

    Example: retrieve detect group.jpg --draw checked/
    """
    from retrieve.indexes.building.processes import FOR_PHOTOS, begin

    begin(FOR_PHOTOS)  # while the rest is imported
    from retrieve.cli.inputs import extracted

    usable = False
    for path, outcome in extracted(
        photos, detector=detector, device=device.value, turns=turn is not False
    ):
        usable |= not isinstance(outcome, str)
        if isinstance(outcome, str):
            render.skipped(path, outcome)
        elif as_json:
            facehits.faces_json(path, outcome)
        else:
            facehits.faces_table(path, outcome)
        if draw is not None and not isinstance(outcome, str):
            from retrieve.cli.showing.draw import draw_faces

            render.note(f"wrote {draw_faces(path, outcome.faces, draw)}")
    if not usable:
        raise typer.Exit(1)
