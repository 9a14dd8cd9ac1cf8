"""retrieve train"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.commands.train import classifier as train_classifier
from retrieve.cli.commands.train import encoder as train_encoder
from retrieve.cli.commands.train import faces as train_faces
from retrieve.cli.commands.train import language as train_language
from retrieve.cli.commands.train import ranking as train_ranking
from retrieve.cli.helped import Group
from retrieve.cli.hyphens import Words
from retrieve.cli.options import JsonOption
from retrieve.cli.showing import render

app = typer.Typer(cls=Group, help="Train models of your own.", no_args_is_help=True)


app.command(cls=Words)(train_language.pieces)
app.command(cls=Words)(train_language.language_model)
app.command(cls=Words)(train_encoder.text_encoder)
app.command(cls=Words)(train_ranking.ranking)
app.command(cls=Words)(train_classifier.classifier)
app.command(cls=Words)(train_classifier.languages)
app.command(cls=Words)(train_faces.faces)


@app.callback()
def _train() -> None:
    pass


@app.command(cls=Words)
def words(
    corpora: Annotated[
        list[Path],
        typer.Argument(
            metavar="CORPUS...",
            help="Text files, plain or .xz, .gz, .bz2, or folders of them.",
            exists=True,
        ),
    ],
    out: Annotated[str, typer.Option(help="Name for --vectors, or a file in .safetensors.")],
    knowledge: Annotated[
        Path | None,
        typer.Option(help="Folder with the Spanish WordNet and its companions.", file_okay=False),
    ] = None,
    dim: Annotated[int, typer.Option(min=2, help="Dimensions.")] = 200,
    epochs: Annotated[int, typer.Option(min=1, help="Times the text is read.")] = 8,
    runs: Annotated[int, typer.Option(min=1, help="Trainings joined, one core each.")] = 2,
    min_count: Annotated[int, typer.Option(min=1, help="Rarer words are left out.")] = 8,
    limit: Annotated[int, typer.Option(min=1, help="Most words in the vocabulary.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 1,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave out a step: graph, retrofit, inflect, facts. Repeatable."),
    ] = None,
    withhold: Annotated[
        bool, typer.Option("--withhold-half", help="Leave half of each table of facts out.")
    ] = False,
    licence: Annotated[str, typer.Option(help="Licence, for the file.")] = "unknown",
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the encoded text and checkpoints.",
            show_default="below the cache folder",
            file_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train word vectors on text; a run that was cut off goes on where it stood.

    Example: retrieve train words novelas.txt.xz --out novelas
    """
    from retrieve.cache import cache_dir
    from retrieve.extras import optional
    from retrieve.indexes.words.stores import vectors_dir
    from retrieve.text.words.vectors import SUFFIX, Origin

    with optional("training word vectors"):
        from retrieve.training.words.cbow import Settings
        from retrieve.training.words.recipe import Recipe, train

    texts = [
        file
        for path in corpora
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if file.is_file()
    ]
    to_file = out.endswith(SUFFIX)
    file = Path(out) if to_file else vectors_dir() / f"{out}{SUFFIX}"
    name = file.name.removesuffix(SUFFIX)
    recipe = Recipe(
        Settings(dim=dim, epochs=epochs, seed=seed),
        runs=runs,
        min_count=min_count,
        limit=limit,
        without=tuple(without or ()),
        withhold=withhold,
    )
    sources = [*texts, *(sorted(knowledge.iterdir()) if knowledge else [])]
    with render.words_progress("words") as progress:
        train(
            texts,
            file.absolute(),
            work=work or cache_dir() / "train" / name,
            origin=Origin(name, licence=licence, sources=tuple(file.name for file in sources)),
            knowledge=knowledge,
            recipe=recipe,
            progress=progress,
        )
    if as_json:
        render.as_json({"file": render.shown(file)})
    else:
        render.note(
            f"wrote {render.shown(file)}; use it with --vectors {file if to_file else name}"
        )
