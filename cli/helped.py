"""Commands and groups of commands with help in our words."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from retrieve.cli.showing import helping


class Command(TyperCommand):
    """A command whose --help is drawn by us."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # a Context of typer's own click
        """Print it; nothing is left for typer's formatter."""
        helping.show(self, ctx)


class Group(TyperGroup):
    """The same of a group, in panels by what its commands are about."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print it; nothing is left for typer's formatter."""
        helping.show(self, ctx)
