"""The `retrieve` command: its subcommands, and the one place where errors become lines."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import FrameType
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from retrieve.cli.hyphens import SignedWords, Words
from retrieve.cli.showing import render
from retrieve.errors import RetrievalError

# Where each lies below cli/commands, in the order of the help.
COMMANDS = {
    "index": "collection.index:index",
    "watch": "collection.watch:watch",
    "search": "search.search:search",
    "group": "people.group:group",
    "review": "people.review:review",
    "name": "people.name:name",
    "people": "people.people:people",
    "merge": "people.merge:merge",
    "split": "people.split:split",
    "not-same": "people.not_same:not_same",
    "ignore": "people.ignore:ignore",
    "undo": "people.undo:undo",
    "history": "people.history:history",
    "identify": "search.identify:identify",
    "verify": "search.verify:verify",
    "together": "people.together:together",
    "graph": "people.together:graph",
    "export": "collection.export:export",
    "import": "collection.import_:import_",
    "detect": "search.detect:detect",
    "embed": "search.embed:embed",
    "info": "collection.info:info",
    "forget": "upkeep.forget:forget",
    "compact": "upkeep.compact:compact",
    "check": "upkeep.check:check",
    "repair": "upkeep.repair:repair",
    "reembed": "upkeep.reembed:reembed",
    "backup": "upkeep.backup:backup",
    "restore": "upkeep.restore:restore",
    "map": "search.map:map_",
    "models": "models.models:models",
    "calibrate": "models.calibrate:calibrate",
    "analogy": "words.analogy:analogy",
    "neighbors": "words.neighbors:neighbors",
    "odd-one-out": "words.odd_one_out:odd_one_out",
    "similarity": "words.similarity:similarity",
    "predict": "language.predict:predict",
    "classify": "language.classify:classify",
    "generate": "language.generate:generate",
    "words": "words.words:app",
    "evaluate": "evaluate.evaluate:app",
    "train": "train.train:app",
}


class Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is asked for: all take .3 CPU s."""

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __getitem__(self, name: str) -> Any:
        module, attribute = COMMANDS[name].split(":")
        found = getattr(import_module(f"retrieve.cli.commands.{module}"), attribute)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name = name
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(name=name, cls=SignedWords if name == "analogy" else Words)(found)
        return get_command(alone)


class _Retrieve(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast(Any, Commands())  # of which nothing is ever changed


app = typer.Typer(
    name="retrieve",
    cls=_Retrieve,
    help="Find a face or a word by what it looks like or means, on your own machine.",
    epilog="Start with: retrieve index ./photos, then: retrieve search face.jpg",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    """Run the command line; what the toolkit refuses to do, and what SQLite finds damaged, is one
    line and exit 1.

    SIGTERM and SIGHUP end it as Ctrl-C does, with what is done kept, and exit 128 and their number.
    """
    warnings.showwarning = render.warning
    ended: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup asks for
            signal.signal(number, end)
    try:
        app()
    except RetrievalError as error:
        render.error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(128 + (ended or [signal.SIGINT])[0])
    except SystemExit as stop:
        # What a command returns after Ctrl-C; a watch that was told to end has ended well.
        ended_so = ended and stop.code == 128 + signal.SIGINT
        sys.exit(128 + ended[0] if ended_so else stop.code)
    except Exception as error:
        if not _is_of_sqlite(error):
            raise
        render.error(f"the collection could not be read or written: {error}. Run: retrieve check")
        sys.exit(1)


def _is_of_sqlite(error: Exception) -> bool:
    """Whether the database refused something; what we do wrong with it is a bug."""
    if "sqlite3" not in sys.modules:  # which --help needs not
        return False
    import sqlite3

    ours = (sqlite3.ProgrammingError, sqlite3.InterfaceError)
    return isinstance(error, sqlite3.Error) and not isinstance(error, ours)
