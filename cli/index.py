"""retrieve index"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import render
from cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    DetectorOption,
    Device,
    DeviceOption,
    ModelOption,
)

INTERRUPTED = 130  # what shells return after Ctrl-C


def index(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Folders and photos to index.")
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    model: ModelOption = None,
    detector: DetectorOption = None,
    device: DeviceOption = Device.CPU,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that decode and detect, one core each.")
    ] = 2,
    time_limit: Annotated[
        float, typer.Option(min=1, help="Seconds after which a file is given up.")
    ] = 60.0,
    retry_skipped: Annotated[
        bool, typer.Option(help="Try again what was skipped in an earlier run.")
    ] = False,
) -> None:
    """Find the faces in all photos under PATH and keep their embeddings.

    A second run does only what is new, moved or changed. Files that cannot be used are
    skipped and listed. Ctrl-C keeps everything up to the last batch.

    Example: retrieve index ~/Pictures
    """
    from indexes.collection import open_collection

    with render.download() as on_download:
        opened = open_collection(
            collection,
            create=True,
            detector=detector,
            embedder=model,
            device=device.value,
            on_download=on_download,
        )
        opened.prepare(paths)
    with opened, render.progress() as on_progress:
        report = opened.index(
            paths,
            processes=processes,
            time_limit_s=time_limit,
            retry_skipped=retry_skipped,
            on_progress=on_progress,
        )
    render.report(report, collection)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
