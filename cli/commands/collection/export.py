"""retrieve export"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli import choosing
from retrieve.cli.conditions import with_conditions
from retrieve.cli.exits import BadUsage
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption, to_write
from retrieve.cli.showing import render
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from retrieve.indexes.catalog.filters import Filter


@with_conditions
def export(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="File to write: .parquet, .csv, .jsonl or .npz. With --xmp a folder, or none.",
        ),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="parquet, csv, jsonl or npz.",
            show_default="what the file's suffix says",
        ),
    ] = None,
    gone: Annotated[
        bool, typer.Option("--all", help="Photos and paths that are gone too.")
    ] = False,
    crops: Annotated[
        bool, typer.Option("--crops", help="The small pictures of faces too; jsonl and parquet.")
    ] = False,
    xmp: Annotated[
        bool,
        typer.Option(
            "--xmp",
            help="Write for other programs who is where: an XMP file beside each photo, or in a "
            "folder of their own.",
        ),
    ] = False,
    *,
    wanted: Filter,
    as_json: JsonOption = False,
) -> None:
    """Write the stored faces to a file: photos, boxes, names, embeddings; or names as XMP.

    The file is for other programs, and for `retrieve import`, which makes the collection of
    it again without embedding. Photos without faces stand in it too, unless conditions
    (--since, --person, ...) choose faces. It is private to its owner, as a collection is.

    With --xmp each photo with people whose name is known gets an XMP file with their names and
    places, as digiKam, Lightroom and others read them. The photos themselves stay untouched.
    What such a file says already is kept; one that cannot be kept is left alone and named.

    Example: retrieve export faces.parquet
    """
    choosing.no_cluster(
        collection,
        "Make one of it, which reads no photo: retrieve cluster join {0} FOLDER; or export its "
        "shards one by one: retrieve export FILE -c {0}/shards/0000",
    )
    if xmp:
        if to or gone or crops:
            raise BadUsage("--xmp writes no faces; leave out --to, --all and --crops")
        _sidecars(file, collection, wanted, as_json)
        return
    if file is None:
        raise BadUsage("wanted a file to write: retrieve export faces.parquet")
    if file.is_dir():
        raise BadInput(f"{file} is a folder; name a file, or add --xmp for XMP files")
    to_write(file)
    from retrieve.indexes.exchange.exports import export as write
    from retrieve.indexes.exchange.formats.chosen import format_named
    from retrieve.indexes.opening import open_collection

    with open_collection(collection) as opened, render.words_progress("faces") as progress:
        done = write(
            opened,
            file,
            to=format_named(to) if to else None,
            wanted=choosing.settled(opened, wanted),
            gone=gone,
            crops=crops,
            on_progress=lambda faces, of: progress("exporting", faces, of),
        )
    if as_json:
        render.as_json(asdict(done))
    render.note(
        f"wrote {done.faces} faces and {done.photos_without_faces} photos without faces to {file}"
    )
    if done.left_out:
        render.note(
            f"{done.left_out} faces were left out: their embeddings are damaged, or are just "
            "being deleted. To look: retrieve check"
        )


def _sidecars(folder: Path | None, collection: Path, wanted: Filter, as_json: bool) -> None:
    from retrieve.cli.showing.exchange import sidecars
    from retrieve.indexes.exchange.sidecars import export_sidecars
    from retrieve.indexes.opening import open_collection

    if folder is not None and folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; with --xmp wanted a folder, or none")
    with open_collection(collection) as opened, render.words_progress("photos") as progress:
        done = export_sidecars(
            opened,
            folder,
            wanted=choosing.settled(opened, wanted),
            on_progress=lambda photos, of: progress("writing", photos, of),
        )
    sidecars(done, folder, as_json=as_json)
