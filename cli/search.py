"""retrieve search"""

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
    JsonOption,
    MinQualityOption,
    ModelOption,
)


def search(
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO...", help="Photos with the faces to look for.")
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    k: Annotated[int, typer.Option("-k", min=1, help="How many hits to show for a face.")] = 10,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=-1,
            max=1,
            help="Lowest score of a hit; -1 shows the k nearest.",
            show_default="calibrated: 2 false matches in 10,000",
        ),
    ] = None,
    face: Annotated[
        int | None, typer.Option(min=1, help="Search only this face of each photo.")
    ] = None,
    min_quality: MinQualityOption = 0.0,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one hit a line.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the faces to this file.", dir_okay=False)
    ] = None,
    open_best: Annotated[
        bool, typer.Option("--open", help="Open the page, or the photo of the best hit.")
    ] = False,
    model: ModelOption = None,
    detector: DetectorOption = None,
    device: DeviceOption = Device.CPU,
) -> None:
    """Find the stored faces most like those in PHOTO.

    Every face of the photo is numbered and searched for. The probability is that of
    both faces being one person if that were an even bet beforehand.

    Example: retrieve search ana.jpg -k 20 --html hits.html
    """
    from indexes.collection import open_collection

    with (
        render.download() as on_download,
        open_collection(
            collection,
            detector=detector,
            embedder=model,
            device=device.value,
            on_download=on_download,
        ) as opened,
    ):
        probes = opened.search(photos, k=k, threshold=threshold, min_quality=min_quality, face=face)
        if html is not None:
            from cli.gallery import write_gallery

            write_gallery(html, probes, opened.crop)
        if as_json:
            render.search_json(probes)
        elif as_csv:
            render.search_csv(probes)
        else:
            render.search_tables(probes, opened.crop)
    render.probes_without_faces(probes)
    if html is not None:
        render.note(f"wrote {html}")
    if open_best:
        _open(html, [hit.path for probe in probes for face in probe.faces for hit in face.hits])
    if not any(probe.faces for probe in probes):
        raise typer.Exit(1)


def _open(page: Path | None, hits: list[Path]) -> None:
    best = page or next(iter(hits), None)
    if best is None:
        render.note("nothing to open: no hits")
    else:
        typer.launch(str(best))
