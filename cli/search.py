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
    FolderOption,
    JsonOption,
    MinQualityOption,
    ModelOption,
    NearOption,
    PersonOption,
    SinceOption,
    UntilOption,
    filter_from,
)
from retrieval.errors import BadInput


def search(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PHOTO...", help="Photos with the faces to look for."),
    ] = None,
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
    face_id: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Search for a stored face, by the id that --json shows."),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    folder: FolderOption = None,
    person: PersonOption = None,
    near: NearOption = None,
    min_quality: MinQualityOption = 0.0,
    exact: Annotated[
        bool, typer.Option("--exact", help="Score every stored face, whatever index there is.")
    ] = False,
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
    both faces being one person if that were an even bet beforehand. Conditions (--since,
    --folder, ...) choose the photos first: of those that fulfil them none is missed.

    Example: retrieve search ana.jpg -k 20 --html hits.html
    """
    from indexes.collection import open_collection

    if bool(photos) == (face_id is not None):
        raise BadInput("wanted photos to search for, or --face-id ID; got both or neither")
    wanted = filter_from(
        since=since,
        until=until,
        folder=folder,
        person=person,
        near=near,
        min_quality=min_quality,
    )
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
        if face_id is None:
            probes = opened.search(
                photos or [], k=k, threshold=threshold, wanted=wanted, face=face, exact=exact
            )
        else:
            probes = [
                opened.search_stored(face_id, k=k, threshold=threshold, wanted=wanted, exact=exact)
            ]
        if html is not None:
            from cli.gallery import write_gallery

            write_gallery(html, probes, opened.crop)
        if as_json:
            render.search_json(probes)
        elif as_csv:
            render.search_csv(probes)
        else:
            render.search_tables(probes, opened.crop)
        render.search_state(opened.engine.state)
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
