"""retrieve train classifier, retrieve train languages"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import (
    GroupColumn,
    JsonOption,
    LabelColumn,
    PictureOption,
    TextColumn,
    to_write,
)
from retrieve.cli.showing import classreports, render
from retrieve.cli.showing.plotting import checked


class Model(StrEnum):
    """What is trained."""

    LINEAR = "linear"
    LSTM = "lstm"


def classifier(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER_OR_FILE",
            help="A folder with one folder of documents a class, or with one CLASS.txt a class, "
            "a text a line; or a CSV, TSV or JSONL file.",
            exists=True,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The classifier to write.", dir_okay=False, callback=to_write)
    ],
    model: Annotated[
        Model,
        typer.Option(help="A linear layer on an encoder, or an LSTM over pieces, end to end."),
    ] = Model.LINEAR,
    encoder: Annotated[
        str,
        typer.Option(
            help="Below the linear layer: ngrams (of characters and words: style, language), "
            "words, lstm, static, sentence-transformers:NAME (meaning), or an encoder's file."
        ),
    ] = "ngrams",
    longest: Annotated[int, typer.Option(min=1, max=8, help="Characters of an n-gram.")] = 5,
    letters: Annotated[
        bool, typer.Option("--letters", help="n-grams without case, digits and marks.")
    ] = False,
    penalty: Annotated[
        float | None,
        typer.Option(min=0, help="Of large weights.", show_default="1e-5; 1e-2 on other encoders"),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Times an LSTM reads the texts.")] = 12,
    hidden: Annotated[int, typer.Option(min=1, help="Units of the LSTM, each direction.")] = 128,
    pieces: Annotated[
        Path | None,
        typer.Option(
            help="Sentencepiece model of the LSTM.",
            show_default="the shipped one",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Parts of which one is held out.")] = 5,
    rounds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many parts are held out in turn; each costs a training.",
            show_default="all; 1 for an LSTM",
        ),
    ] = None,
    passes: Annotated[
        float,
        typer.Option(min=0.5, max=1, help="Share of genuine texts that are not called none."),
    ] = 0.95,
    unknown: Annotated[
        bool,
        typer.Option(
            "--unknown",
            help="Measure how well texts of no class are noticed: leaves each class out once.",
        ),
    ] = False,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    group_column: GroupColumn = "",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 1,
    licence: Annotated[str, typer.Option(help="Licence, for the file.")] = "unknown",
    picture: PictureOption = None,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for checkpoints, so that a run that was cut off goes on.",
            show_default="below the cache folder",
            file_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier of texts and say how good it is on texts it was not trained on.

    An LSTM that was cut off goes on where it stood.

    Example: retrieve train classifier letters/ --out letters.safetensors --picture letters.png
    """
    from retrieve.cache import cache_dir
    from retrieve.errors import BadInput
    from retrieve.text.classifiers.file import SUFFIX
    from retrieve.text.encoders.ngrams import NGRAMS, Grams
    from retrieve.training.classifier.examples import Columns, read
    from retrieve.training.classifier.linear import Settings
    from retrieve.training.classifier.recipe import Recipe, train

    if out.suffix != SUFFIX:
        raise BadInput(f"wanted a file name in {SUFFIX} for the classifier; got {out.name}")
    if picture:
        checked(picture)
    examples = read(source, Columns(text_column, label_column, group_column))
    for one in examples.skipped:
        render.skipped(one.path, one.reason)
    if penalty is None:
        penalty = 1e-5 if encoder == NGRAMS else 1e-2
    if rounds is None:
        rounds = 1 if model == Model.LSTM else folds
    with render.words_progress("") as progress:
        report = train(
            examples,
            out.absolute(),
            recipe=Recipe(
                model=model.value,
                encoder=encoder,
                grams=Grams(longest=longest, letters=letters),
                linear=Settings(penalty=penalty),
                lstm={"epochs": epochs, "hidden": hidden} if model == Model.LSTM else {},
                folds=folds,
                rounds=rounds,
                passes=passes,
                unknown=unknown,
                seed=seed,
            ),
            name=out.stem,
            work=work or cache_dir() / "train" / f"classifier-{out.stem}",
            licence=licence,
            sources=(source.name,),
            pieces=pieces,
            progress=progress,
        )
    classreports.trained(report, as_json=as_json)
    if picture:
        classreports.draw(report.quality, picture)
        render.note(f"wrote {render.shown(picture)}")
    render.note(f"wrote {render.shown(out)}; use it with: retrieve classify --model {out} FILE")


def languages(
    sources: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Packages with translated messages, unpacked; the model card says which.",
            exists=True,
            file_okay=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The classifier to write.", dir_okay=False, callback=to_write)
    ],
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Leave each language out once, and measure.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train the classifier of twelve languages that ships as `languages`.

    A run that was cut off goes on after the last layer that was fitted.

    Example: retrieve train languages sources/ --out languages.safetensors
    """
    from dataclasses import replace

    from retrieve.cache import cache_dir
    from retrieve.errors import BadInput
    from retrieve.text.classifiers.file import SUFFIX
    from retrieve.training.classifier import frequent
    from retrieve.training.classifier.catalogues import others, sentences
    from retrieve.training.classifier.languages import DEALT, LICENCE, RECIPE, examples
    from retrieve.training.classifier.recipe import train

    if out.suffix != SUFFIX:
        raise BadInput(f"wanted a file name in {SUFFIX} for the classifier; got {out.name}")
    with render.words_progress("") as progress:
        report = train(
            examples(sentences(sources), others(sources), frequent.read(sources)),
            out.absolute(),
            recipe=replace(RECIPE, unknown=unknown),
            name="languages",
            work=cache_dir() / "train" / "languages",
            licence=LICENCE,
            sources=tuple(sorted(path.name for path in sources.iterdir())),
            dealt=DEALT,
            progress=progress,
        )
    classreports.trained(report, as_json=as_json)
    render.note(f"wrote {render.shown(out)}")
