"""retrieve verify"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli import completing
from retrieve.cli.exits import DONE, NO, UNSURE
from retrieve.cli.options import JsonOption


def verify(
    a: Annotated[Path, typer.Argument(metavar="A", help="A photo.", exists=True, dir_okay=False)],
    b: Annotated[
        Path, typer.Argument(metavar="B", help="Another one.", exists=True, dir_okay=False)
    ],
    false_match_rate: Annotated[
        float,
        typer.Option(
            metavar="RATE",
            help="How many pairs of photos of strangers may be called the same, of all their "
            "faces together.",
        ),
    ] = 0.0002,
    as_json: JsonOption = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Face embedder; see: retrieve models.",
            autocompletion=completing.models,
            show_default="dlib-resnet+mobilefacenet",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            help="Face detector: mtcnn, centerface.",
            autocompletion=completing.detectors,
            show_default="centerface",
        ),
    ] = None,
    turn: Annotated[
        bool,
        typer.Option(
            "--turn/--no-turn",
            help="Search a photo in which no face stands upright turned, too.",
        ),
    ] = True,
) -> None:
    """Say whether photos A and B show one person; no collection is needed.

    Every face of one is compared with every face of the other. Exit 0: the
    same, for strangers score as high at --false-match-rate at most. Exit 3:
    different, for one person with faces of that quality would be less probable
    than 1 in 100. Exit 4: cannot say, between the two or without a face.

    For East Asian faces the probability comes out too high: some forty times as
    many pairs of strangers pass as are stated (docs/scores.md).

    Example: retrieve verify passport.jpg party.jpg
    """
    from retrieve.indexes.building.processes import FOR_PHOTOS, begin

    begin(FOR_PHOTOS)  # while the rest is imported
    from retrieve.cli.showing.people import verified
    from retrieve.faces.verify import Verdict, verify_read
    from retrieve.indexes.building.reading import Reading
    from retrieve.sources import reader_of

    reading = Reading()
    told = verify_read(
        reading.of(reader_of(a)),
        reading.of(reader_of(b)),
        false_match_rate=false_match_rate,
        detector=detector,
        embedder=model,
        turns=turn,
    )
    if as_json:
        verified.as_json(a, b, told)
    else:
        verified.table(a, b, told)
    codes = {Verdict.SAME: DONE, Verdict.DIFFERENT: NO, Verdict.UNSURE: UNSURE}
    raise typer.Exit(codes[told.verdict])
