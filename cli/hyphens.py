"""Arguments that begin with a hyphen and are no options: -5 grados, a pasted item of a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperOption

from retrieve.cli.helped import Command
from retrieve.cli.showing import render

_NO_LETTER = re.compile(r"-[^A-Za-z-]")  # no option is called so
_SIGNED = re.compile(r"-[^\W\d_]{2,}")


class Words(Command):
    """A command that takes an argument for words where it cannot be an option."""

    signed = False  # whether a word may have a minus before it

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # a Context of typer's own click
        """Parse them with options first, then what are none."""
        return super().parse_args(ctx, self._sorted_out(ctx, args))

    def _sorted_out(self, ctx: typer.Context, args: list[str]) -> list[str]:
        values = {
            name: 0 if param.is_flag or param.count else param.nargs
            for param in self.get_params(ctx)
            if isinstance(param, TyperOption)
            for name in (*param.opts, *param.secondary_opts)
        }
        values |= dict.fromkeys(ctx.help_option_names, 0)
        options: list[str] = []
        words: list[str] = []
        waiting = list(reversed(args))
        while waiting:
            one = waiting.pop()
            if one == "--":
                words += reversed(waiting)
                break
            if not one.startswith("-") or one == "-":
                words.append(one)
                continue
            if self._is_words(one, values):
                words.append(one)
                if not self.signed and not ctx.resilient_parsing:
                    render.note(f"taken for words, though it begins with a hyphen: {one}")
                continue
            self._refuse_unknown(ctx, one, values)
            options.append(one)
            for _ in range(_following(one, values)):
                if waiting:
                    options.append(waiting.pop())
        return [*options, "--", *words] if words else options

    def _is_words(self, text: str, values: Mapping[str, int]) -> bool:
        name = text.split("=", 1)[0]
        if name in values:
            return False
        if text.startswith("--"):
            return " " in name
        if self.signed and _SIGNED.fullmatch(text):
            return True
        if _NO_LETTER.match(text):
            return True
        return " " in text and not _is_cluster(text, values)

    def _refuse_unknown(self, ctx: typer.Context, text: str, values: Mapping[str, int]) -> None:
        name = text.split("=", 1)[0]
        known = name in values or (not text.startswith("--") and _is_cluster(text, values))
        if known or get_close_matches(name, values):
            return  # the parser says what was meant
        excludes = ""
        if ctx.command.name == "search":
            excludes = (
                "Behind a word a minus leaves the next one out ('boda -playa'), not a number. "
            )
        ctx.fail(
            f"No such option: {name}. {excludes}Words that begin with a hyphen go after two: "
            f"{ctx.command_path} -- {text}"
        )


class SignedWords(Words):
    """The same where a minus before a word subtracts it."""

    signed = True


def _is_cluster(text: str, values: Mapping[str, int]) -> bool:
    """Whether every letter behind a hyphen is an option, up to one that takes the rest."""
    for letter in text[1:]:
        if f"-{letter}" not in values:
            return False
        if values[f"-{letter}"]:
            return True
    return True


def _following(text: str, values: Mapping[str, int]) -> int:
    """How many of the arguments behind an option are its value."""
    if text in values:
        return values[text]
    if text.startswith("--"):
        return 0  # --name=value
    for at, letter in enumerate(text[1:], start=2):
        wanted = values.get(f"-{letter}", 0)
        if wanted:
            return wanted - (at < len(text))
    return 0
