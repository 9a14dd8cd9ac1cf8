"""Every command with its arguments, options and examples, taken from the app itself.

python -m docs.commands    # writes docs/commands.md; a test holds it to the app
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from retrieve.cli.app import PANELS, app
from retrieve.cli.exits import CODES
from retrieve.cli.helped import COMMANDS, panels, paragraphs, usage

PAGE = Path(__file__).with_name("commands.md")
HEAD = """# Commands

This page is made from the command itself by `python -m docs.commands`; `retrieve COMMAND --help`
says the same in the terminal.

What was found goes to stdout, progress, remarks and errors to stderr. Every command takes `--json`
and prints one object a line, whose fields stay. `--collection` (or `RETRIEVE_COLLECTION`) names the
collection; without it that of your user data folder is meant. Bash, zsh, fish and PowerShell
complete commands, options, persons, models and spaces after `retrieve --install-completion`.

## How a command ends
"""


def page() -> str:
    """The text of docs/commands.md."""
    root = get_command(app)
    above = typer.Context(root, info_name="retrieve")
    lines = [HEAD, "| exit code | means |", "|---|---|"]
    lines += [f"| {code} | {means} |" for code, means in CODES.items()]
    lines += ["", "What SIGTERM or SIGHUP ends exits with 128 and their number.", ""]
    lines += ["## Without a command", "", *_of(root, above)]
    for title, names in PANELS.items():
        lines += [f"## {title}", ""]
        for name in names:
            command = root.get_command(above, name)  # type: ignore[attr-defined]  # it is a group
            lines += _section(command, name, above)
    return "\n".join(lines).rstrip() + "\n"


def _section(command: Any, name: str, above: Any) -> Iterator[str]:
    context = typer.Context(command, info_name=name, parent=above)
    below = getattr(command, "commands", None)
    yield f"### {context.command_path}"
    yield ""
    if below is None:
        yield from _of(command, context)
        return
    yield from (*paragraphs(command), "")
    for inner, one in below.items():
        yield from _section(one, inner, context)


def _of(command: Any, context: Any) -> Iterator[str]:
    yield f"    {usage(command, context)}"
    yield ""
    for text in paragraphs(command):
        if text.startswith("Example: "):
            yield f"    {text.removeprefix('Example: ')}"
        else:
            yield text
        yield ""
    for panel in panels(command, context):
        if panel.title == COMMANDS or panel.title in PANELS:
            continue
        for one in panel.entries:
            if "--help" not in one.names:
                yield f"- `{one.names}` {one.text}".rstrip()
        yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
