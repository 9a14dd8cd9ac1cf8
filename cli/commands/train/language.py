"""retrieve train pieces, retrieve train language-model"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import JsonOption, to_write
from retrieve.cli.showing import render

Corpora = Annotated[
    list[Path],
    typer.Argument(
        metavar="CORPUS...",
        help="Text files, plain or .xz, .gz, .bz2, or folders of them. The end of each is held "
        "out: 2 MB, at most 15 %, and a gap before it.",
        exists=True,
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")]


def pieces(
    corpora: Corpora,
    out: Annotated[
        Path,
        typer.Option(help="The sentencepiece model to write.", dir_okay=False, callback=to_write),
    ],
    size: Annotated[int, typer.Option(min=270, max=65_536, help="How many pieces.")] = 16_000,
    sentences: Annotated[int, typer.Option(min=1, help="Lines drawn by chance.")] = 1_000_000,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Train a sentencepiece unigram model with byte fallback on text.

    Example: retrieve train pieces novelas.txt.xz --out novelas.model
    """
    from retrieve.training.pieces import Recipe, train
    from retrieve.training.split import texts_of

    with render.words_progress("lines") as progress:
        seen = train(
            texts_of(corpora),
            out.absolute(),
            recipe=Recipe(size=size, sentences=sentences, seed=seed),
            progress=progress,
        )
    if as_json:
        render.as_json({"file": render.shown(out), "lines": seen})
    else:
        render.note(f"wrote {render.shown(out)}, made from {seen} lines")


def language_model(
    corpora: Corpora,
    out: Annotated[str, typer.Option(help="Name for --model, or a file in .safetensors.")],
    epochs: Annotated[
        float, typer.Option(min=0.0001, help="Times the text is read; may be less than 1.")
    ] = 1.0,
    minutes: Annotated[
        float | None,
        typer.Option(min=0, help="Stop after so many; the same command goes on from there."),
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE=SHARE", help="Keep only a share of a file. Repeatable."),
    ] = None,
    layers: Annotated[int, typer.Option(min=1, help="LSTM layers.")] = 2,
    hidden: Annotated[int, typer.Option(min=1, help="Width of each layer.")] = 512,
    width: Annotated[int, typer.Option(min=4, help="Width of the embeddings.")] = 256,
    batch: Annotated[int, typer.Option(min=1, help="Streams side by side.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Pieces between two corrections.")] = 32,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate at its highest.")] = 4e-3,
    dropout: Annotated[float, typer.Option(min=0, max=0.9, help="For several epochs.")] = 0.0,
    clip: Annotated[float, typer.Option(min=0, help="Longest gradient.")] = 1.0,
    seed: SeedOption = 1,
    start: Annotated[
        str | None,
        typer.Option(help="Begin with this model: a name or a file; --hidden may be larger."),
    ] = None,
    pieces: Annotated[
        Path | None,
        typer.Option(help="A sentencepiece model.", show_default="the shipped one", exists=True),
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence, for the file.")] = "unknown",
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the encoded text and the checkpoint.",
            show_default="below the cache folder",
            file_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train an LSTM that foretells the next piece; one CPU thread.

    A run that was cut off goes on where it stood. While it stands at its highest rate, it
    may be made longer or shorter with other --epochs.

    Example: retrieve train language-model novelas.txt.xz --out novelas --minutes 60
    """
    from retrieve.cache import cache_dir
    from retrieve.extras import optional
    from retrieve.text.language.model import SUFFIX, Origin, models_dir, open_language
    from retrieve.text.language.pieces import open_pieces
    from retrieve.training.split import texts_of
    from retrieve.training.streams import training_text

    with optional("training a language model"):
        from retrieve.models.language_model import Dimensions
        from retrieve.training.language_model import Recipe, train, write

    to_file = out.endswith(SUFFIX)
    file = Path(out) if to_file else models_dir() / f"{out}{SUFFIX}"
    name = file.name.removesuffix(SUFFIX)
    work = work or cache_dir() / "train" / f"language-{name}"
    texts, shares = texts_of(corpora), _shares(share or [])
    first = open_language(start) if start else None
    opened = first.pieces if first and pieces is None else open_pieces(pieces)
    if first and first.pieces.sha256 != opened.sha256:
        raise typer.BadParameter(f"the model {start} has other pieces; leave --pieces out")
    recipe = Recipe(
        Dimensions.of(len(opened), layers=layers, hidden=hidden, width=width),
        batch=batch,
        steps=steps,
        epochs=epochs,
        rate=rate,
        dropout=dropout,
        clip=clip,
        seed=seed,
    )
    with render.words_progress("pieces") as progress:
        encoded = training_text(
            texts,
            opened,
            work,
            shares=shares,
            seed=seed,
            progress=lambda done: progress("reading", done, 0),
        )
        going = train(
            encoded,
            work / "run.pt",
            recipe=recipe,
            start=first,
            minutes=minutes,
            progress=lambda now: progress("training", now.pieces, now.total),
        )
    origin = Origin(
        name,
        licence=licence,
        sources=tuple(text.name for text in texts),
        recipe={"shares": shares, "pieces_of_text": len(encoded.ids)}
        | ({"before": first.about["recipe"]} if first else {}),
    )
    write(going, file.absolute(), opened.model, origin)
    rest = "" if going.step >= going.steps else "; the same command goes on with it"
    if as_json:
        render.as_json(
            {
                "file": render.shown(file),
                "pieces_read": going.pieces_read,
                "perplexity": going.perplexity,
                "done": going.step >= going.steps,
            }
        )
        return
    render.note(
        f"wrote {render.shown(file)} after {going.pieces_read:,} pieces, perplexity "
        f"{going.perplexity:.1f} a piece while training; use it with "
        f"--model {file if to_file else name}{rest}"
    )


def _shares(given: list[str]) -> dict[str, float]:
    shares = {}
    for one in given:
        name, _, number = one.rpartition("=")
        try:
            shares[name] = float(number)
        except ValueError:
            raise typer.BadParameter(f"wanted FILE=SHARE, such as a.txt=0.5; got {one}") from None
        if not 0 <= shares[name] <= 1:
            raise typer.BadParameter(f"a share is from 0 to 1; got {one}")
    return shares
