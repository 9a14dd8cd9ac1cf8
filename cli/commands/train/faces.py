"""retrieve train faces"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retrieve.cli.exits import BadUsage
from retrieve.cli.options import DetectorOption, JsonOption, Subject
from retrieve.cli.showing import render


class Network(StrEnum):
    """What is trained."""

    HEAD = "head"
    MOBILEFACENET = "mobilefacenet"
    SMALL_FACE = "small-face"


class Loss(StrEnum):
    """What a step makes smaller."""

    BOTH = "both"
    TRIPLET = "triplet"
    CROSS_ENTROPY = "cross-entropy"


def faces(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Photos, in one folder for each person.",
            exists=True,
            file_okay=False,
        ),
    ],
    out: Annotated[str, typer.Option(help="Name for --model, or a file in .safetensors.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns file (below DIR) and identity, in place of folders.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    network: Annotated[
        Network,
        typer.Option(
            help="head: a matrix on an embedder that stays as it is; mobilefacenet: as it ships, "
            "tuned; small-face: from nothing."
        ),
    ] = Network.HEAD,
    on: Annotated[
        str | None,
        typer.Option(help="Embedder below a head.", show_default="dlib-resnet+mobilefacenet"),
    ] = None,
    loss: Annotated[
        Loss | None,
        typer.Option(
            help="Triplets with semi-hard negatives, people as classes, or both.",
            show_default="cross-entropy of a head, else both",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="How many steps.", show_default="300"),
    ] = None,
    people: Annotated[
        int | None,
        typer.Option(min=2, help="People in a step.", show_default="24; 8; 12, by network"),
    ] = None,
    photos: Annotated[int, typer.Option(min=2, help="Photos of each in a step.")] = 4,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0, help="Learning rate at its highest.", show_default="1e-3; 3e-5; 2e-3, by network"
        ),
    ] = None,
    margin: Annotated[float, typer.Option(min=0, help="Of triplets, in squared distance.")] = 0.2,
    dropout: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.9,
            help="Before the last layer; mobilefacenet has none.",
            show_default="0.2",
        ),
    ] = None,
    augment: Annotated[
        bool,
        typer.Option(
            "--augment/--no-augment", help="Show faces mirrored, moved, darker, blurred, covered."
        ),
    ] = True,
    held_out: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Share of the people who are only measured.")
    ] = 0.3,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Write it even where it is not better; the file says so."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Of the processor.")] = 2,
    subject: Annotated[
        Subject,
        typer.Option(help="Which face of a photo is the person: nearest the middle, or largest."),
    ] = Subject.CENTRE,
    detector: DetectorOption = None,
    licence: Annotated[str, typer.Option(help="Licence, for the file.")] = "unknown",
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the crops and the checkpoint.",
            show_default="below the cache folder",
            file_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train an embedder of faces and measure it on people who were held out.

    It is written if it misses less of them than what it began with, beyond chance. A run that was
    cut off goes on where it stood. The default embedder stays what it is: --model NAME asks for
    yours, and retrieve calibrate fits what its scores mean.

    Example: retrieve train faces ./people --out mine --network small-face
    """
    from retrieve.cache import cache_dir
    from retrieve.cli.showing.evaluations import trained as showing
    from retrieve.errors import BadInput
    from retrieve.extras import optional
    from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
    from retrieve.faces.detection.detector import landmarks_of
    from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, SHIPPED_NAMES, is_embedder
    from retrieve.faces.embedding.trained import file
    from retrieve.indexes.labelled.labels import from_csv, from_folders

    with optional("training an embedder"):
        import torch  # noqa: F401

        from retrieve.training.faces.gathered import gathered
        from retrieve.training.faces.recipe import SETTINGS, Recipe, train, wanted_views

    if on is not None and network is not Network.HEAD:
        raise BadUsage("--on names the embedder below a head; leave it out, or --network head")
    below = on or DEFAULT_EMBEDDER
    if not is_embedder(below):
        raise BadInput(f"no embedder is called {below!r}; see: retrieve models")
    if network is Network.MOBILEFACENET and dropout:
        raise BadUsage("mobilefacenet has no dropout; leave --dropout out")
    path = file.where(out, SHIPPED_NAMES)
    name = path.name.removesuffix(file.SUFFIX)
    given: dict[str, Any] = {
        "loss": loss.value if loss else None,
        "steps": steps,
        "people": people,
        "rate": rate,
        "dropout": dropout,
    }
    settings = replace(
        SETTINGS[network.value],
        photos=photos,
        margin=margin,
        augment=augment,
        seed=seed,
        threads=threads,
        **{key: value for key, value in given.items() if value is not None},
    )
    recipe = Recipe(network.value, below, held_out, settings)
    work = work or cache_dir() / "train" / f"faces-{name}"
    who = from_csv(folder, labels) if labels is not None else from_folders(folder)
    opened = open_detector(detector or DEFAULT_DETECTOR)
    with render.words_progress("") as progress:
        found, skipped = gathered(
            who,
            opened,
            wanted_views(recipe, landmarks_of(opened)),
            work,
            largest=subject is Subject.LARGEST,
            progress=lambda done, total: progress("looking for faces", done, total),
        )
        report = train(
            found,
            path,
            recipe=recipe,
            work=work,
            keep=keep,
            licence=licence,
            sources=(folder.name,),
            progress=lambda done, total: progress("training, steps", done, total),
        )
    for one in skipped:
        render.skipped(one.path, one.reason)
    showing.show(report, below if network is Network.HEAD else "", as_json=as_json)
    if not report.written:
        render.note(
            "not better beyond chance, so nothing was written; --keep writes it all the same"
        )
        return
    asked = path if out.endswith(file.SUFFIX) else name
    render.note(
        f"wrote {render.shown(path)}; use it with --model {asked}. The default stays "
        f"{DEFAULT_EMBEDDER}"
    )
