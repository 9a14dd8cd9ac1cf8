"""retrieve reembed"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.exits import INTERRUPTED
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    Device,
    DeviceOption,
    JsonOption,
    TimeLimitOption,
)
from retrieve.cli.showing import render, reports

# Shards of two networks are not searched together, so one after the other does not do.
INSTEAD = (
    "Make one of it, which reads no photo: retrieve cluster join {0} FOLDER; reembed that, and "
    "make a cluster of it again: retrieve cluster create NEW --from FOLDER"
)


def reembed(
    collection: CollectionOption = DEFAULT_COLLECTION,
    faces: Annotated[
        bool,
        typer.Option(
            "--faces", help="Move the faces; so it is without --texts and --encoder, too."
        ),
    ] = False,
    texts: Annotated[
        bool,
        typer.Option("--texts", help="Move the texts to another --encoder; no file is read."),
    ] = False,
    pictures: Annotated[
        bool,
        typer.Option("--pictures", help="Look at the photos as a whole that were indexed without."),
    ] = False,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Text encoder to move to: static, e5 (a hundred languages), lstm, words, "
            "sentence-transformers:NAME, or a file.",
            show_default="static",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            autocompletion=completing.models,
            help="Face embedder to move to, or the file with its weights; see: retrieve models.",
            show_default="what was begun, else the default of a new collection",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            autocompletion=completing.detectors,
            help="Look at the photos anew with this face detector.",
            show_default="boxes and landmarks stay",
        ),
    ] = None,
    leave_out: Annotated[
        bool,
        typer.Option(
            "--leave-out", help="Let faces go of which neither photo nor picture can be read."
        ),
    ] = False,
    device: DeviceOption = Device.CPU,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that read, decode and detect, one core each.")
    ] = 2,
    time_limit: TimeLimitOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Move a collection to other networks: its faces, or its texts, are embedded anew.

    Photos are read where they are; where they are gone the stored pictures of
    their faces are taken. Ids, names, boxes and landmarks stay; with --detector
    a face that is found again keeps its id and its name, and one that is not is
    kept if it has a name. Until all is done the old networks are searched; after
    Ctrl-C or a crash run it again, and it goes on.

    Of texts the stored passages are taken, and the language of their words stays.
    With --pictures the photos of a collection that was made by an older version,
    or with --no-pictures, are looked at as a whole, from their files.

    Example: retrieve reembed --model mobilefacenet

    Example: retrieve reembed --texts --encoder e5

    Example: retrieve reembed --pictures
    """
    from retrieve.errors import BadInput
    from retrieve.indexes.opening import open_collection
    from retrieve.text.encoders.encode import DEFAULT

    choosing.no_cluster(collection, INSTEAD)
    if pictures:
        if faces or texts or encoder or model or detector or leave_out:
            raise BadInput("wanted --pictures alone; move faces and texts before or after it")
        _pictures(collection, processes, time_limit, as_json=as_json)
        return
    if texts or encoder is not None:
        if faces or model or detector or leave_out:
            raise BadInput(
                "wanted --texts and --encoder, or what is of faces; move the texts and the faces "
                "one after the other"
            )
        _texts(collection, encoder or DEFAULT, as_json=as_json)
        return
    with (
        render.download() as on_download,
        open_collection(collection, device=device.value, on_download=on_download) as opened,
        render.words_progress("photos") as show,
    ):
        done = opened.reembed(
            embedder=model,
            detector=detector,
            leave_out=leave_out,
            processes=processes,
            time_limit_s=time_limit,
            on_progress=lambda step: show("embedding anew", step.photos, step.of),
        )
    reports.reembedded(done, as_json=as_json)
    if not done.done:
        raise typer.Exit(INTERRUPTED if done.interrupted else 1)


def _texts(collection: Path, encoder: str, *, as_json: bool) -> None:
    from retrieve.indexes.opening import open_collection

    with open_collection(collection) as opened, render.words_progress("passages") as show:
        done = opened.reembed_texts(
            encoder, on_progress=lambda done, total: show("embedding anew", done, total)
        )
    reports.moved_texts(done, as_json=as_json)
    if not done.done:
        raise typer.Exit(INTERRUPTED)


def _pictures(collection: Path, processes: int, time_limit_s: float, *, as_json: bool) -> None:
    from retrieve.indexes.opening import open_collection

    with open_collection(collection) as opened, render.words_progress("photos") as show:
        done = opened.reembed_pictures(
            processes=processes,
            time_limit_s=time_limit_s,
            on_progress=lambda done, total: show("looking", done, total),
        )
    reports.looked(done, as_json=as_json)
    if done.interrupted:
        raise typer.Exit(INTERRUPTED)
