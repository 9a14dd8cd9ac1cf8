"""Commands whose --help is in our words: panels of what they take, or of the commands below them.

The same panels become docs/commands.md (docs/commands.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from rich import box
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from retrieve.cli.showing import render

WIDEST_NAME = 34  # columns of names beside what is said of them
NARROW = 76  # columns of a terminal from which on there is room for both
WIDEST = 110  # longer lines are hard to read

ARGUMENTS, OPTIONS, COMMANDS = "Arguments", "Options", "Commands"
KINDS = {int: "N", float: "NUMBER", str: "TEXT"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a panel.

    names  as they are typed: "-c, --collection DIR"
    said   what it is or does
    notes  default, range, environment variable
    """

    names: str
    said: str
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is said of it, notes in brackets behind it."""
        return " ".join([self.said, *(f"[{note}]" for note in self.notes)]).strip()


@dataclass(frozen=True, slots=True)
class Titled:
    """A panel: arguments, options, or commands of one kind."""

    title: str
    entries: tuple[Entry, ...]


class Command(TyperCommand):
    """A command whose --help is drawn by us."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # a Context of typer's own click
        """Print it; nothing is left for typer's formatter."""
        show(self, ctx)


class Group(TyperGroup):
    """The same of a group, in panels by what its commands are about."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print it; nothing is left for typer's formatter."""
        show(self, ctx)


def panels(command: Any, context: Any) -> list[Titled]:
    """What a command takes, and the commands below it by what they are about."""
    shown = [one for one in command.get_params(context) if not getattr(one, "hidden", False)]
    arguments = [_entry(one, context) for one in shown if one.param_type_name == "argument"]
    options = [_entry(one, context) for one in shown if one.param_type_name == "option"]
    below: dict[str, list[Entry]] = {}
    if hasattr(command, "commands"):
        for name in command.list_commands(context):
            one = command.get_command(context, name)
            title = getattr(one, "rich_help_panel", None) or COMMANDS
            below.setdefault(title, []).append(Entry(name, paragraphs(one)[0]))
    found = [Titled(title, tuple(some)) for title, some in below.items()]
    taken = [Titled(ARGUMENTS, tuple(arguments)), Titled(OPTIONS, tuple(options))]
    return [one for one in (*taken, *found) if one.entries]


def paragraphs(command: Any) -> list[str]:
    """What a command does: its paragraphs, each on one line."""
    text = inspect.cleandoc(command.help or "")
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()] or [""]


def usage(command: Any, context: Any) -> str:
    """How a command is called: retrieve verify [OPTIONS] A B."""
    parts = [context.command_path, "[OPTIONS]"]
    for one in command.get_params(context):
        if one.param_type_name == "argument":
            name = _entry(one, context).names
            parts.append(name if one.required or name.startswith("[") else f"[{name}]")
    if hasattr(command, "commands"):
        parts.append("COMMAND ...")
    return " ".join(parts)


def show(command: Any, context: Any) -> None:
    """Usage, what it does, panels, and what stands at the end."""
    width = min(render.width(), WIDEST)
    render.show(Text(f"Usage: {usage(command, context)}", style="bold"), width=width)
    for number, text in enumerate(paragraphs(command)):
        style = "cyan" if text.startswith("Example: ") else "" if number == 0 else "dim"
        render.line("")
        render.show(Text(text, style=style), width=width)
    render.line("")
    shown = panels(command, context)
    names = min(max(len(one.names) for panel in shown for one in panel.entries), WIDEST_NAME)
    for one in shown:
        render.show(_drawn(one, width, names), width=width)
    for text in _epilog(command):
        render.show(Text(text), width=width)


def _epilog(command: Any) -> Iterable[str]:
    text = inspect.cleandoc(command.epilog or "")
    return text.split("\n") if text else ()


def _drawn(panel: Titled, width: int, names: int) -> Panel:
    if width < NARROW:
        inside = _stacked(panel.entries)
    else:
        inside = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        inside.add_column(style="bold cyan", width=names, overflow="fold")
        inside.add_column()
        for one in panel.entries:
            inside.add_row(Text(one.names), _said(one))
    return Panel(inside, title=panel.title, title_align="left", border_style="dim", box=box.ROUNDED)


def _stacked(entries: Sequence[Entry]) -> Table:
    """Names above what is said of them, where both beside each other would be squeezed."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column()
    for one in entries:
        made.add_row(Text(one.names, style="bold cyan"))
        made.add_row(Padding(_said(one), (0, 0, 0, 2)))
    return made


def _said(entry: Entry) -> Text:
    notes = "".join(f" [{note}]" for note in entry.notes)
    return Text.assemble(entry.said, (notes, "dim"))


def _entry(param: Any, context: Any) -> Entry:
    kind = _kind(param)
    if param.param_type_name == "argument":
        names = param.metavar or kind
        if param.metavar is None and param.nargs != 1:
            names += "..."
    else:
        short_first = sorted(param.opts, key=lambda name: name.startswith("--"))
        names = ", ".join(short_first)
        if param.secondary_opts:
            names += " / " + ", ".join(param.secondary_opts)
        if not (param.is_flag or param.count):
            names += f" {param.metavar or kind}"
    said = " ".join((param.help or "").split())
    return Entry(names, said, tuple(_notes(param, context)))


def _kind(param: Any) -> str:
    """What a value is, in a word: DIR, FILE, N, hybrid|bm25|meaning."""
    described = param.type_descriptor
    if described.is_choice:
        values = (one.value if isinstance(one, Enum) else one for one in described.choices or ())
        return "|".join(map(str, values))
    of = (*get_args(described.annotation), described.annotation)
    of_one = next((one for one in of if one in KINDS or one is Path), str)
    if of_one is Path:
        asked = described.parameter_info
        if not getattr(asked, "file_okay", True):
            return "DIR"
        return "PATH" if getattr(asked, "dir_okay", True) else "FILE"
    return KINDS[of_one]


def _notes(param: Any, context: Any) -> Iterable[str]:
    if param.envvar and getattr(param, "show_envvar", False):
        yield f"env: {param.envvar}"
    ranged = _range(param)
    if ranged:
        yield ranged
    default = _default(param, context)
    if default:
        yield f"default: {default}"
    if param.required:
        yield "required"


def _range(param: Any) -> str:
    least, most = param.min, param.max
    if least is None and most is None:
        return ""
    if least is None or most is None:
        return f"{most} or less" if least is None else f"{least} or more"
    return f"{least} to {most}"


def _default(param: Any, context: Any) -> str:
    if isinstance(param.show_default, str):
        return param.show_default
    value = param.get_default(context, call=False)
    if not param.show_default or value is None or callable(value) or value == "":
        return ""
    if isinstance(value, bool):
        switches = param.opts if value else param.secondary_opts
        return str(switches[0]) if param.secondary_opts else ""
    return str(value.value if isinstance(value, Enum) else value)
