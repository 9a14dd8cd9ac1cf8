"""retrieve import"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli import choosing
from retrieve.cli.exits import INTERRUPTED
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from retrieve.cli.showing import render

PICKLES = (".pkl", ".pickle")


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A file of `retrieve export`, a .pkl of deepface, or a folder of known people.",
        ),
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    model: Annotated[
        str | None,
        typer.Option(
            help="Which network made a file of deepface, in its words: Facenet512, ...",
            show_default="what the file's name says",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring in faces that were embedded elsewhere, or the names of known people.

    What a collection knows it keeps: a file can be imported twice, and records that cannot
    be used are listed. A new collection becomes one of the networks that made the file.
    Of deepface's files only plain data is read, never a program. Embeddings of networks
    that are not ours can be searched with --face-id, named and exported.

    In a folder of known people (known/ana.jpg, known/ana/1.jpg) the photos are indexed,
    and the face gets the name where it is the only one of its photo.

    Example: retrieve import faces.parquet
    """
    from retrieve.errors import BadInput

    choosing.no_cluster(
        collection,
        "Make one of it: retrieve cluster join {0} FOLDER; import into that, and make a cluster of "
        "it again: retrieve cluster create NEW --from FOLDER",
    )
    if source.is_dir():
        _people(source, collection, as_json)
    elif not source.is_file():
        raise BadInput(f"no such file or folder: {source}")
    elif source.suffix.lower() in PICKLES:
        _deepface(source, model, collection, as_json)
    else:
        _export(source, collection, as_json)


def _export(file: Path, collection: Path, as_json: bool) -> None:
    from retrieve.cli.showing.exchange import imported
    from retrieve.indexes.exchange.formats.chosen import reading
    from retrieve.indexes.exchange.imports import put
    from retrieve.indexes.opening import open_collection

    with reading(file) as (header, rows), open_collection(collection, create=True) as opened:
        with render.words_progress("records") as progress:
            report = put(
                opened, header, rows, on_progress=lambda done: progress("importing", done, 0)
            )
        imported(report, [], collection, as_json=as_json)


def _deepface(file: Path, model: str | None, collection: Path, as_json: bool) -> None:
    from retrieve.cli.showing.exchange import imported
    from retrieve.indexes.exchange import deepface, originals
    from retrieve.indexes.exchange.imports import Row, put
    from retrieve.indexes.opening import open_collection
    from retrieve.types import Skipped

    held = deepface.read(file, model=model)
    unread: list[Skipped] = []
    with open_collection(collection, create=True) as opened:
        rows: Iterator[Row] = itertools.chain(held.broken, originals.records(held.photos, unread))
        with render.words_progress("records") as progress:
            report = put(
                opened, held.header, rows, on_progress=lambda done: progress("importing", done, 0)
            )
        imported(report, unread, collection, as_json=as_json)


def _people(folder: Path, collection: Path, as_json: bool) -> None:
    from retrieve.cli.showing.exchange import known
    from retrieve.indexes.exchange.known import import_people
    from retrieve.indexes.opening import open_collection

    with render.download() as on_download:
        opened = open_collection(collection, create=True, on_download=on_download)
        opened.prepare([folder])
    with opened:
        with render.progress() as on_progress:
            report = import_people(
                opened, folder, lambda roots: opened.index(roots, on_progress=on_progress)
            )
        known(report, collection, as_json=as_json)
    if report.indexed.interrupted:
        raise typer.Exit(INTERRUPTED)
