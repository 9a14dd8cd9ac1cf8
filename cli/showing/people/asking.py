"""A question whether two persons are one: both faces beside each other, or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from retrieve.cli.showing import render
from retrieve.cli.showing.people.said import count
from retrieve.cli.showing.render import printable, shown
from retrieve.cli.showing.thumbnail import half_blocks

if TYPE_CHECKING:
    from retrieve.indexes.people.review import Question, Side

DATE = 10  # characters of a date without its time


def question(asked: Question, picture: Callable[[int], bytes]) -> None:
    """Both sides, how probable a yes is, and what it settles."""
    sides = (asked.one, asked.other)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    if render.shows_pictures():
        table.add_row(*(half_blocks(picture(side.face_id)) for side in sides))
    for lines in zip(*map(_told, sides), strict=True):
        table.add_row(*lines)
    render.show(table)
    sure = "" if asked.probability is None else f"probability {asked.probability:.1%}, "
    render.line(f"{sure}score {asked.score:.4f}; a yes settles {count(asked.settles)}")


def question_json(asked: Question) -> None:
    """One object: both sides, score, probability, and how many faces a yes settles."""
    render.as_json(
        {
            "one": _as_json(asked.one),
            "other": _as_json(asked.other),
            "score": asked.score,
            "probability": asked.probability,
            "settles": asked.settles,
        }
    )


def _told(side: Side) -> tuple[Text, str, Text]:
    name = f"#{side.person_id}" if side.person is None else side.person
    taken = f", {side.taken_at[:DATE]}" if side.taken_at else ""
    return (
        printable(name),
        f"{count(side.faces)}{taken}",
        printable(f"{shown(side.path)}, face {side.number}"),
    )


def _as_json(side: Side) -> dict[str, Any]:
    found = asdict(side)
    found["path"] = str(side.path)
    found["face"] = found.pop("number")
    return found
