"""retrieve export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli import choosing
from retrieve.cli.conditions import with_conditions
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
)
from retrieve.cli.showing import render

if TYPE_CHECKING:
    from retrieve.indexes.catalog.filters import Filter


@with_conditions
def export(
    file: Annotated[
        Path, typer.Argument(help="File to write: .parquet, .csv, .jsonl or .npz.", dir_okay=False)
    ],
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
    *,
    wanted: Filter,
) -> None:
    """Write the stored faces to a file: photos, boxes, names, embeddings.

    The file is for other programs, and for `retrieve import`, which makes the collection of
    it again without embedding. Photos without faces stand in it too, unless conditions
    (--since, --person, ...) choose faces. It is private to its owner, as a collection is.

    Example: retrieve export faces.parquet
    """
    from retrieve.indexes.collection import open_collection
    from retrieve.indexes.exchange.exports import export as write
    from retrieve.indexes.exchange.formats.chosen import format_named

    with open_collection(collection) as opened, render.words_progress("faces") as progress:
        done = write(
            opened,
            file,
            to=format_named(to) if to else None,
            wanted=choosing.settled(opened.db, wanted),
            gone=gone,
            crops=crops,
            on_progress=lambda faces, of: progress("exporting", faces, of),
        )
    render.note(
        f"wrote {done.faces} faces and {done.photos_without_faces} photos without faces to {file}"
    )
    if done.left_out:
        render.note(
            f"{done.left_out} faces were left out: their embeddings are damaged, or are just "
            "being deleted. To look: retrieve check"
        )
