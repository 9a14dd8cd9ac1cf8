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
from typer.main import get_command, get_group

from retrieve.cli import exits
from retrieve.cli.helped import Group
from retrieve.cli.hyphens import SignedWords, Words
from retrieve.cli.showing import render
from retrieve.errors import RetrievalError

# Where each lies below cli/commands, by the panel of the help, in its order.
PANELS = {
    "Collection": {
        "index": "collection.index:index",
        "watch": "collection.watch:watch",
        "serve": "collection.serve:serve",
        "mcp": "collection.mcp:mcp",
        "info": "collection.info:info",
        "export": "collection.export:export",
        "import": "collection.import_:import_",
    },
    "Search": {
        "search": "search.search:search",
        "identify": "search.identify:identify",
        "verify": "search.verify:verify",
        "labels": "search.labels:labels",
        "duplicates": "search.duplicates:duplicates",
        "map": "search.map:map_",
        "detect": "search.detect:detect",
        "embed": "search.embed:embed",
    },
    "People": {
        "people": "people.people:people",
        "name": "people.name:name",
        "review": "people.review:review",
        "together": "people.together:together",
        "graph": "people.together:graph",
        "merge": "people.merge:merge",
        "not-same": "people.not_same:not_same",
        "split": "people.split:split",
        "ignore": "people.ignore:ignore",
        "undo": "people.undo:undo",
        "history": "people.history:history",
        "group": "people.group:group",
    },
    "Words and texts": {
        "analogy": "words.analogy:analogy",
        "neighbors": "words.neighbors:neighbors",
        "odd-one-out": "words.odd_one_out:odd_one_out",
        "similarity": "words.similarity:similarity",
        "words": "words.words:app",
        "predict": "language.predict:predict",
        "generate": "language.generate:generate",
        "classify": "language.classify:classify",
    },
    "Models": {
        "models": "models.models:models",
        "calibrate": "models.calibrate:calibrate",
        "evaluate": "evaluate.evaluate:app",
        "train": "train.train:app",
    },
    "Upkeep": {
        "check": "upkeep.check:check",
        "repair": "upkeep.repair:repair",
        "forget": "upkeep.forget:forget",
        "compact": "upkeep.compact:compact",
        "backup": "upkeep.backup:backup",
        "restore": "upkeep.restore:restore",
        "reembed": "upkeep.reembed:reembed",
        "cluster": "cluster.cluster:app",
    },
}
PANEL_OF = {name: panel for panel, inside in PANELS.items() for name in inside}
COMMANDS = {name: where for inside in PANELS.values() for name, where in inside.items()}


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
            group.name, group.rich_help_panel = name, PANEL_OF[name]
            return group
        alone = typer.Typer(add_completion=False)
        kind = SignedWords if name == "analogy" else Words
        alone.command(name=name, cls=kind, rich_help_panel=PANEL_OF[name])(found)
        return get_command(alone)


class _Retrieve(Group):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast(Any, Commands())  # of which nothing is ever changed

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run it to its exit; what the parser refuses is a line as any other error is."""
        try:
            code = super().main(*args, **settings | {"standalone_mode": False})
        except exits.ClickException as error:
            message, code = exits.told(error)
            if message:
                render.error(message)
        except typer.Abort:
            render.error("ended at a question that was not answered with yes")
            code = exits.ERROR
        sys.exit(code if isinstance(code, int) else exits.DONE)


EPILOG = """Start with: retrieve index ~/Pictures, then: retrieve search ana.jpg
Exit codes: 0 yes, found, done; 1 error; 2 usage; 3 no; 4 cannot say; 130 Ctrl-C"""

app = typer.Typer(
    name="retrieve",
    cls=_Retrieve,
    help="Find a face by what it looks like and a text by what it means, on your own machine.",
    epilog=EPILOG,
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
            "--version",
            "-V",
            callback=_print_version,
            is_eager=True,
            help="Print the version.",
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

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup asks for
            signal.signal(number, end)
    try:
        app()
    except RetrievalError as error:
        render.error(str(error))
        sys.exit(exits.USAGE if isinstance(error, exits.BadUsage) else exits.ERROR)
    except KeyboardInterrupt:
        sys.exit(128 + (ended or [signal.SIGINT])[0])
    except SystemExit as stop:
        # What a command returns after Ctrl-C; a watch that was told to end has ended well.
        ended_so = ended and stop.code == 128 + signal.SIGINT
        sys.exit(128 + ended[0] if ended_so else stop.code)
    except Exception as error:
        if ended:  # in the middle of an import, say, which C code answers with an ImportError
            sys.exit(128 + ended[0])
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
