"""retrieve evaluate language-model"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.options import JsonOption, LanguageModelOption
from retrieve.cli.showing import render

if TYPE_CHECKING:
    from retrieve.evaluation.language import Perplexity, Text
    from retrieve.text.language.model import LanguageModel
    from retrieve.training.streams import Ids


def language_model(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Texts, one sentence or paragraph a line, plain or .xz, .gz, .bz2.",
            exists=True,
            dir_okay=False,
        ),
    ],
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only the end of each file, as training leaves it.")
    ] = False,
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            help="Corpora of n-gram models to measure beside it: unigram, bigram, modified "
            "Kneser-Ney 5-gram. They are counted on what the model was trained on: the same "
            "pieces, shares and seed. Repeatable.",
            exists=True,
        ),
    ] = None,
    words: Annotated[
        int | None, typer.Option(min=1, help="At most so many of each file, from its start.")
    ] = None,
    model: LanguageModelOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Measure how well a language model foretells texts: perplexity a word and a piece.

    Lower is better. The end of a line counts as a word, for it has to be foretold as well.

    Example: retrieve evaluate language-model novela.txt --beside novelas.txt.xz
    """
    from retrieve.evaluation.language import baselines, measure, text
    from retrieve.text.language.model import open_language
    from retrieve.training.split import split
    from retrieve.training.words.corpus import lines

    opened = open_language(model)
    texts = []
    for file in files:
        some = split(file).measured() if held_out else lines(file)
        texts.append(text(some, opened.pieces, words=words))
    found = [[measure(opened, one)] for one in texts]
    if beside:
        ids = _counted(beside, opened)
        for rows, more in zip(found, baselines(ids, opened.pieces, texts), strict=True):
            rows.extend(more)
    for file, one, rows in zip(files, texts, found, strict=True):
        _show(file, one, rows, as_json)


def _counted(corpora: list[Path], model: LanguageModel) -> Ids:
    """The ids of the text that the model was trained on."""
    import tempfile

    from retrieve.training.split import texts_of
    from retrieve.training.streams import training_text

    recipe = model.about["recipe"]
    with tempfile.TemporaryDirectory() as folder, render.words_progress("pieces") as progress:
        return training_text(
            texts_of(corpora),
            model.pieces,
            Path(folder),
            shares=recipe.get("shares"),
            seed=recipe.get("seed", 1),
            progress=lambda done: progress("reading", done, 0),
        ).ids


def _show(file: Path, one: Text, rows: list[Perplexity], as_json: bool) -> None:
    if as_json:
        for row in rows:
            counts = {"file": file.name, "words": one.words, "pieces": one.pieces}
            render.as_json(counts | asdict(row))
        return
    render.line(f"{file.name}: {one.words:,} words, {one.pieces:,} pieces")
    render.table(
        ("model", "a word", "a piece", "bits a piece"),
        (
            (
                row.model,
                f"{row.per_word:.1f}",
                f"{row.per_piece:.1f}",
                f"{row.bits:.3f} ± {row.error:.3f}",
            )
            for row in rows
        ),
        right="word piece",
    )
