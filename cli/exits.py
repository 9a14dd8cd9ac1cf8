"""How commands end: the exit codes of all of them, and what is wrong with a command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import typer

from retrieve.errors import BadInput

DONE, ERROR, USAGE, NO, UNSURE = range(5)
INTERRUPTED = 130  # what shells return after Ctrl-C

CODES = {
    DONE: "yes, found, done; a search without a hit, too",
    ERROR: "an error, of which a line on stderr says what to do",
    USAGE: "a command line that cannot be understood",
    NO: "no: different people, nobody known",
    UNSURE: "cannot say: no face, or between the two",
    INTERRUPTED: "Ctrl-C; what was done is kept",
}

# What the parser raises; the last two names are not exported.
UsageError: type[Any] = typer.BadParameter.__mro__[1]
ClickException: type[Any] = typer.BadParameter.__mro__[2]
NO_ARGUMENTS = "NoArgsIsHelpError"  # the help was shown, which says all


class BadUsage(BadInput):
    """Options and arguments that do not go together, or of which one is missing: exit 2."""


def told(error: Any) -> tuple[str, int]:
    """What the parser found wrong as a line of ours, "" where the help was shown, and the code.

    A file that is not there, or is a folder, is no matter of usage: exit 1, as everywhere.
    """
    if type(error).__name__ == NO_ARGUMENTS:
        return "", USAGE
    message = " ".join(str(error.format_message()).split()).rstrip(".")
    if is_of_paths(getattr(error, "param", None)) and error.message:
        message = str(error.message).rstrip(".")
        return message[:1].lower() + message[1:], ERROR
    message = message[:1].lower() + message[1:]
    context = getattr(error, "ctx", None)
    if context is not None:
        stop = "" if message.endswith("?") else "."
        message += f"{stop} See: {context.command_path} --help"
    return message, int(error.exit_code)


def is_of_paths(param: Any) -> bool:
    """Whether a parameter takes files or folders."""
    kind = getattr(getattr(param, "type_descriptor", None), "annotation", None)
    return Path in (kind, *get_args(kind))
