"""Options that more than one command takes."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
import typer

from retrieve.cli import completing
from retrieve.cli.showing.terminal.screen import Images
from retrieve.errors import BadInput

DEFAULT_COLLECTION = Path(platformdirs.user_data_dir("retrieve")) / "collection"


def to_write(file: Path | None) -> Path | None:
    """A file that an option names, if it can be written: asked before any work is done.

    raises  BadInput where its folder is not there, is none, or may not be written
    """
    if file is None:
        return None
    folder = file.absolute().parent
    if not folder.exists():
        raise BadInput(
            f"cannot write {file}: there is no folder {folder}; make it, or name another"
        )
    if not folder.is_dir():
        raise BadInput(f"cannot write {file}: {folder} is a file")
    if not os.access(folder, os.W_OK):
        raise BadInput(f"cannot write {file}: permission denied for the folder {folder}")
    return file


CollectionOption = Annotated[
    Path,
    typer.Option(
        "--collection",
        "-c",
        envvar="RETRIEVE_COLLECTION",
        is_eager=True,  # before options that depend on it, wherever each of them stands
        help="Directory of the collection.",
        show_default="in the user's data folder",
        file_okay=False,
        readable=False,  # what may not be read has a line of ours
    ),
]


def _for_clusters(
    context: typer.Context, given: Literal["local", "ray"] | None
) -> Literal["local", "ray"] | None:
    """The engine; what the environment names says nothing of a collection that is no cluster."""
    source = context.get_parameter_source("engine")
    if given is None or source is None or source.name != "ENVIRONMENT":
        return given
    from retrieve.indexes.cluster.manifest import is_cluster

    return given if is_cluster(context.params["collection"]) else None


def _of_clusters(context: typer.Context, given: int | None) -> int | None:
    """What only a cluster takes."""
    if given is None:
        return None
    from retrieve.indexes.cluster.manifest import is_cluster

    if not is_cluster(where := context.params["collection"]):
        raise BadInput(
            f"{where} is no cluster, and has no segments. Make one of it with: retrieve cluster "
            f"create FOLDER --from {where}"
        )
    return given


# Of a cluster, or depending on whether the collection is one.
EngineOption = Annotated[
    Literal["local", "ray"] | None,
    typer.Option(
        "--engine",
        envvar="RETRIEVE_ENGINE",
        callback=_for_clusters,
        help="Where a cluster works: local, in processes of this machine; ray, on the Ray cluster "
        "that RAY_ADDRESS names.",
        show_default="local",
    ),
]
SegmentOption = Annotated[
    int | None,
    typer.Option(
        "--segment",
        metavar="FILES",
        min=1,
        callback=_of_clusters,
        help="Files of a new shard of a cluster, which are searched when all of them are in.",
        show_default="5000",
    ),
]
ReplicasOption = Annotated[
    int,
    typer.Option(
        "--replicas",
        min=1,
        help="Copies of each shard of a cluster that are served, on different machines with "
        "--engine ray: where one is lost, the next answers.",
    ),
]
RequireAllOption = Annotated[
    bool,
    typer.Option(
        "--require-all",
        help="A shard of a cluster that does not answer is an error; else the others answer.",
    ),
]
StrangersOption = Annotated[
    float | None,
    typer.Option(
        metavar="CHANCE",
        help="The chance that the best of as many strangers passes as are searched; the lowest "
        "score follows from it.",
        show_default=".01",
    ),
]


class Device(StrEnum):
    """Where networks run."""

    CPU = "cpu"
    CUDA = "cuda"


class Subject(StrEnum):
    """Which face of a photo is the person that it is labelled with."""

    CENTRE = "centre"
    LARGEST = "largest"


DeviceOption = Annotated[
    Device, typer.Option(help="Where networks run; cuda without a GPU is an error.")
]
TimeLimitOption = Annotated[
    float,
    typer.Option(
        min=1, help="Seconds of the processor that a file may take; it may wait ten times that."
    ),
]
RereadOption = Annotated[
    bool,
    typer.Option("--reread/--no-reread", help="Read again what an older version of retrieve read."),
]
PicturesOption = Annotated[
    bool,
    typer.Option(
        "--pictures/--no-pictures",
        help="Look at each new photo as a whole, too: what it shows, what looks like it.",
    ),
]
OcrOption = Annotated[
    bool,
    typer.Option(
        "--ocr",
        help="Read what is written in photos, and on pages of PDFs that are pictures: 1 to 2 "
        "seconds each where there are words. Needs the extra ocr.",
    ),
]
DetectorOption = Annotated[
    str | None,
    typer.Option(
        help="Face detector: mtcnn, centerface.",
        autocompletion=completing.detectors,
        show_default="what the collection was made with, else centerface",
    ),
]
TurnOption = Annotated[
    bool | None,
    typer.Option(
        "--turn/--no-turn",
        help="Search a photo in which no face stands upright turned, too.",
        show_default="what the collection was made with, else --turn",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Face embedder, a trained one, or the file with its weights; see: retrieve models.",
        autocompletion=completing.models,
        show_default="what the collection was made with, else dlib-resnet+mobilefacenet",
    ),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        help="Text encoder: static, lstm, words, e5 (a hundred languages), "
        "sentence-transformers:NAME, or a file.",
        autocompletion=completing.encoders,
        show_default="what the collection was made with, else static",
    ),
]
LanguageOption = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        help="Language of texts that do not tell theirs, for the stems of words: es, ca, en, sv, …",
        show_default="what the collection was made with, else es",
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="Leave out what matches, as in a .gitignore: '*.png', 'Private/'. Repeatable.",
    ),
]
ImagesOption = Annotated[
    Images,
    typer.Option(
        "--images",
        envvar="RETRIEVE_IMAGES",
        help="How faces are drawn on a terminal; auto asks it what it can. NO_COLOR draws none.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
VectorsOption = Annotated[
    str,
    typer.Option(
        help="Which word vectors: a name of `retrieve words list`, or a file.",
        autocompletion=completing.vectors,
    ),
]
AllFormsOption = Annotated[
    bool,
    typer.Option(
        "--all-forms", help="Show inflections of the asked words and of answers as hits too."
    ),
]
WordsKOption = Annotated[int, typer.Option("-k", min=1, help="How many words to show.")]
LanguageModelOption = Annotated[
    str,
    typer.Option(
        help="Which language model: es, a name that was trained, or a file.",
        autocompletion=completing.languages,
    ),
]
TextColumn = Annotated[str, typer.Option(help="Column or field that holds the text.")]
LabelColumn = Annotated[str, typer.Option(help="Column or field that holds the class.")]
GroupColumn = Annotated[
    str,
    typer.Option(
        help="Column or field that says what a text is from (a book, a writer): texts of one are "
        "never trained on and measured both. In a folder it is the file.",
        show_default="none",
    ),
]
PictureOption = Annotated[
    Path | None,
    typer.Option(
        help="Draw the confusion matrix into this PNG, SVG or PDF.",
        dir_okay=False,
        callback=to_write,
    ),
]
