"""A question whether two persons are one: both faces beside each other, or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.columns import Columns

from retrieve.cli.showing import render
from retrieve.cli.showing.people.said import count
from retrieve.cli.showing.render import near, shown
from retrieve.shares import probability

if TYPE_CHECKING:
    from retrieve.cli.showing.terminal.pictures import Pictures
    from retrieve.indexes.people.review import Question, Side

DATE = 10  # characters of a date without its time


def question(
    asked: Question, picture: Callable[[int], bytes], pictures: Pictures | None = None
) -> None:
    """Both sides, how probable a yes is, and what it settles.

    picture   face id → its JPEG
    pictures  draws both faces side by side; None where none are drawn
    """
    sides = (asked.one, asked.other)
    if pictures is not None:
        render.show(Columns([pictures.of(picture(side.face_id)) for side in sides]))
    for place, side in zip(("left", "right"), sides, strict=True):
        render.line(_told(side) if pictures is None else f"{place}: {_told(side)}")
    sure = "" if asked.probability is None else f"probability {probability(asked.probability)}, "
    render.line(f"{sure}score {asked.score:.4f}; a yes settles {count(asked.settles)}")


def question_json(asked: Question) -> None:
    """One object."""
    render.as_json(asked_json(asked))


def asked_json(asked: Question) -> dict[str, Any]:
    """Both sides, score, probability, and how many faces a yes settles."""
    return {
        "one": _as_json(asked.one),
        "other": _as_json(asked.other),
        "score": asked.score,
        "probability": asked.probability,
        "settles": asked.settles,
    }


def _told(side: Side) -> str:
    name = f"#{side.person_id}" if side.person is None else side.person
    taken = f", {side.taken_at[:DATE]}" if side.taken_at else ""
    photo = f"{shown(near(side.path))}, face {side.number}"
    return f"{name}, {count(side.faces)}{taken}: {photo}"


def _as_json(side: Side) -> dict[str, Any]:
    found = asdict(side)
    found["path"] = shown(side.path)
    found["face"] = found.pop("number")
    return found
