"""The `retrieve` command: its subcommands, and the one place where errors become lines."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from retrieve.cli.commands.collection import export, import_, index, info, watch
from retrieve.cli.commands.evaluate import evaluate
from retrieve.cli.commands.language import classify, generate, predict
from retrieve.cli.commands.models import calibrate, models
from retrieve.cli.commands.people import name
from retrieve.cli.commands.search import detect, embed, map, search
from retrieve.cli.commands.train import train
from retrieve.cli.commands.upkeep import backup, check, compact, forget, reembed, repair, restore
from retrieve.cli.commands.words import analogy, neighbors, odd_one_out, similarity, words
from retrieve.cli.showing import render
from retrieve.errors import RetrievalError

app = typer.Typer(
    name="retrieve",
    help="Find a face or a word by what it looks like or means, on your own machine.",
    epilog="Start with: retrieve index ./photos, then: retrieve search face.jpg",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(index.index)
app.command()(watch.watch)
app.command()(search.search)
app.command()(name.name)
app.command()(name.people)
app.command()(export.export)
app.command(name="import")(import_.import_)
app.command()(detect.detect)
app.command()(embed.embed)
app.command()(info.info)
app.command()(forget.forget)
app.command()(compact.compact)
app.command()(check.check)
app.command()(repair.repair)
app.command()(reembed.reembed)
app.command()(backup.backup)
app.command()(restore.restore)
app.command(name="map")(map.map_)
app.command()(models.models)
app.command()(calibrate.calibrate)
app.command()(analogy.analogy)
app.command()(neighbors.neighbors)
app.command()(odd_one_out.odd_one_out)
app.command()(similarity.similarity)
app.command()(predict.predict)
app.command()(classify.classify)
app.command()(generate.generate)
app.add_typer(words.app, name="words")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(train.app, name="train")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        render.line(f"retrieve {version('retrieve')}")
        raise typer.Exit


@app.callback()
def _retrieve(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what the toolkit refuses to do is one line and exit 1."""
    warnings.showwarning = render.warning
    try:
        app()
    except RetrievalError as error:
        render.error(str(error))
        sys.exit(1)
