"""Pictures of `retrieve evaluate faces --robust` on real photos, drawn from what it printed.

The photos are not here; what `--json` told of them is, in docs/draw/measured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.draw import paper
from retrieve.evaluation.faces.damages import KINDS

MEASURED = Path(__file__).with_name("measured")
SETS = {"people_dev": ("news photos", paper.BLUE), "congress": ("portraits", paper.ORANGE)}

Object = dict[str, Any]


def robust(out: Path, measured: Path = MEASURED) -> None:
    """The share of pairs of one person that is missed, by damage, strength and attack."""
    sets = {name: read(measured / f"{name}.jsonl") for name in SETS}
    curved = [name for name, kind in KINDS.items() if len(kind.strengths) > 1]
    single = [name for name in KINDS if name not in curved]
    figure, axes = paper.sheet(9.5, 4.8, 2, 4)
    panels = axes.ravel().tolist()
    for kind in curved:
        panel = panels.pop(0)
        for name, objects in sets.items():
            _curve(panel, [_as_it_is(objects), *_damages(objects, kind)], SETS[name][1])
        ticks = ["–", *(f"{strength:g}" for strength in KINDS[kind].strengths)]
        panel.set_xticks(range(len(ticks)), ticks)
        panel.set_title(kind)
        panel.set_xlabel(KINDS[kind].unit, fontsize=8)
    covered = panels.pop(0)
    for number, (name, objects) in enumerate(sets.items()):
        values = [one["fnmr"]["value"] for kind in single for one in _damages(objects, kind)]
        places = [place + 0.4 * number for place in range(len(single))]
        covered.bar(places, values, 0.38, color=SETS[name][1], label=SETS[name][0])
    covered.set_xticks([place + 0.2 for place in range(len(single))], single)
    covered.set_title("covered")
    covered.legend(loc="upper left")
    for title, key in (("attack: missed", "away"), ("attack: taken for another", "taken_for")):
        panel = panels.pop(0)
        for name, objects in sets.items():
            attacks = [
                one for one in objects if one["what"] == "attack" and one["averaging"] == "none"
            ]
            told = [one["away"] if key == "away" else {"fnmr": one["taken_for"]} for one in attacks]
            start = [_as_it_is(objects)] if key == "away" else [_nobody()]
            _curve(panel, [*start, *told], SETS[name][1])
        panel.set_xticks(
            range(len(attacks) + 1), ["–", *(f"{one['epsilon']:g}" for one in attacks)]
        )
        panel.set_title(title)
        panel.set_xlabel("ε, of 255", fontsize=8)
    for panel in axes.ravel():
        panel.set_ylim(-0.02, 1.02)
    for left in axes[:, 0]:
        left.set_ylabel("share of pairs")
    paper.write(figure, out)


def read(file: Path) -> list[Object]:
    """What a run printed, an object a line."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _damages(objects: list[Object], kind: str) -> list[Object]:
    return [
        one
        for one in objects
        if one["what"] == "damage" and one["damage"] == kind and one["averaging"] == "none"
    ]


def _as_it_is(objects: list[Object]) -> Object:
    return next(one for one in objects if one["what"] == "damage" and one["damage"] is None)


def _nobody() -> Object:
    return {"fnmr": {"value": 0.0, "low": 0.0, "high": 0.0}}


def _curve(axes: Any, told: list[Object], colour: str) -> None:
    """Shares with their intervals, and dotted what is not found at all."""
    places = range(len(told))
    shares = [one["fnmr"] for one in told]
    axes.plot(places, [one["value"] for one in shares], color=colour, lw=1.6, marker="o", ms=3)
    axes.fill_between(
        places,
        [one["low"] for one in shares],
        [one["high"] for one in shares],
        color=colour,
        alpha=0.15,
        lw=0,
    )
    lost = [1 - one.get("found", 1.0) for one in told]
    if any(lost):
        axes.plot(places, lost, color=colour, lw=1, ls=":")
