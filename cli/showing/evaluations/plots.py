"""Pictures: ROC, scores of both kinds of pairs, and what damage and attacks cost."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieve.cache import replacing
from retrieve.cli.showing.maps.groups import COLOURS
from retrieve.cli.showing.plotting import checked
from retrieve.evaluation.faces.damages import KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retrieve.evaluation.faces.measured import Measured
    from retrieve.indexes.labelled.evaluating import Evaluation, Line

POINTS = 400  # of a curve
BARS = 80  # of scores
DPI = 120
INK, PALE = "#333333", "#bbbbbb"


def draw(found: Evaluation, out: Path) -> None:
    """Write everything as one picture."""
    checked(out)
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(9, 7.5 if found.robust else 3.6), dpi=DPI, layout="constrained")
    if found.robust:
        parts: Any = figure.subfigures(2, 1, height_ratios=[3.6, 3.9])
        verification(found, parts[0])
        robust(found, parts[1])
    else:
        verification(found, figure)
    with replacing(out.absolute()) as temporary:
        figure.savefig(temporary, format=out.suffix[1:])
    pyplot.close(figure)


def png(found: Evaluation, *, damaged: bool) -> bytes:
    """One of the two as a PNG: of pairs as they are, or of damaged probes."""
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(9, 3.9 if damaged else 3.6), dpi=DPI, layout="constrained")
    (robust if damaged else verification)(found, figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    pyplot.close(figure)
    return buffer.getvalue()


def verification(found: Evaluation, figure: Any) -> None:
    """ROC of every way of averaging, and the scores of the embedder as it is."""
    left, right = figure.subplots(1, 2)
    for colour, (way, one) in zip(COLOURS, found.measured.items(), strict=False):
        name = found.embedder if way == "none" else f"averaged: {way}"
        left.plot(*roc(one), color=colour, lw=1.6, label=name)
    left.set_xscale("log")
    lowest, highest = left.get_ylim()
    left.set_ylim(min(lowest, 0.9), max(1.002, min(highest, 1.01)))
    left.set_xlabel("FAR: strangers who pass")
    left.set_ylabel("TAR: pairs of one person that pass")
    left.grid(color=PALE, lw=0.4)
    left.legend(loc="lower right", fontsize=8, frameon=False)
    plain = next(iter(found.measured.values()))
    scores(plain, right)


def roc(one: Measured) -> tuple[list[float], list[float]]:
    """FAR, rising, and TAR there."""
    every = one.pairs
    places = np.unique(np.geomspace(1, every.impostor.size, POINTS).astype(np.int64))
    far = places / every.impostor.size
    return far.tolist(), [1 - every.missed(float(every.impostor[k - 1])) for k in places]


def scores(one: Measured, axes: Axes) -> None:
    """How scores of both kinds of pairs are spread, each kind 1 in all; thresholds dashed."""
    every = one.pairs
    own = every.genuine[every.genuine >= -1]  # a face that is not found has none
    lowest = min(float(every.impostor[-1]), float(own[0]) if own.size else 1.0)
    bins = np.linspace(max(lowest, -1.0), 1, BARS).tolist()
    for values, weights, colour, name in (
        (every.impostor, None, COLOURS[1], "two people"),
        (every.genuine, every.weights, COLOURS[0], "one person"),
    ):
        axes.hist(values, bins, weights=weights, density=True, color=colour, alpha=0.6, label=name)
    for at in one.at:
        axes.axvline(at.threshold, color=INK, lw=0.8, ls="--")
    top = axes.get_ylim()[1]
    last = one.at[-1]
    axes.text(last.threshold, top, f" FAR {last.fmr:g}", fontsize=7, va="top", color=INK)
    axes.set_xlabel("score (cosine)")
    axes.set_yticks([])
    axes.legend(loc="upper left", fontsize=8, frameon=False)


def robust(found: Evaluation, figure: Any) -> None:
    """What is missed by damage and strength, one panel a kind; attacks in the last."""
    kinds = list(dict.fromkeys(one.damage.kind for one in found.robust if one.damage))
    curved = [kind for kind in kinds if len(_of(found, kind)) > 1]
    single = [kind for kind in kinds if kind not in curved]
    panels = len(curved) + bool(single) + bool(found.attacks)
    rows = 2 if panels > 4 else 1
    axes = figure.subplots(rows, -(-panels // rows), sharey=True, squeeze=False).ravel().tolist()
    for kind in curved:
        _curves(found, kind, axes.pop(0))
    if single:
        _bars(found, single, axes.pop(0))
    if found.attacks:
        _attacks(found, axes.pop(0))
    for left in axes:
        left.axis("off")
    figure.supylabel("missed (grey: not found at all)", fontsize=9)


def _of(found: Evaluation, kind: str) -> list[Line]:
    plain = next(iter(found.measured))
    return [
        one
        for one in found.robust
        if one.damage and one.damage.kind == kind and one.averaging == plain
    ]


def _curves(found: Evaluation, kind: str, axes: Axes) -> None:
    strengths = [one.damage.strength for one in _of(found, kind) if one.damage]
    places = range(1 + len(strengths))
    for colour, way in zip(COLOURS, found.measured, strict=False):
        lines = [
            one
            for one in found.robust
            if one.averaging == way and (one.damage is None or one.damage.kind == kind)
        ]
        missed = [one.found.missed for one in lines]
        axes.plot(places, [one.value for one in missed], color=colour, lw=1.6, marker="o", ms=3)
        if way == next(iter(found.measured)):
            if all(one.low is not None for one in missed):
                axes.fill_between(
                    places,
                    [one.low or 0.0 for one in missed],
                    [one.high or 0.0 for one in missed],
                    color=colour,
                    alpha=0.15,
                    lw=0,
                )
            lost = [1 - one.found.found for one in lines]
            axes.bar(places, lost, color=PALE, width=0.5, zorder=0)
    axes.set_xticks(places, ["–", *(f"{one:g}" for one in strengths)], fontsize=8)
    axes.set_title(f"{kind}, {KINDS[kind].unit}", fontsize=9)
    axes.set_ylim(0, 1.02)


def _bars(found: Evaluation, kinds: list[str], axes: Axes) -> None:
    width = 0.8 / len(found.measured)
    for number, (colour, way) in enumerate(zip(COLOURS, found.measured, strict=False)):
        values = [
            one.found.missed.value
            for kind in kinds
            for one in found.robust
            if one.damage and one.damage.kind == kind and one.averaging == way
        ]
        places = [place + number * width for place in range(len(kinds))]
        axes.bar(places, values, width, color=colour)
    axes.set_xticks(range(len(kinds)), kinds, fontsize=8)
    axes.set_ylim(0, 1.02)
    axes.set_title("covered", fontsize=9)


def _attacks(found: Evaluation, axes: Axes) -> None:
    plain = next(one for one in found.robust if one.damage is None)
    steps = [one.step for one in found.attacks if not one.mirrored]
    places = range(1 + len(steps))
    missed = [one.away.missed.value for one in found.attacks if not one.mirrored]
    taken = [one.toward.value for one in found.attacks if not one.mirrored]
    axes.plot(
        places,
        [plain.found.missed.value, *missed],
        color=COLOURS[1],
        marker="o",
        ms=3,
        label="missed",
    )
    axes.plot(places[1:], taken, color=COLOURS[2], marker="o", ms=3, label="taken for a stranger")
    axes.set_xticks(places, ["–", *(f"{one:g}" for one in steps)], fontsize=8)
    axes.set_title("attack, ε of 255", fontsize=9)
    axes.legend(fontsize=7, frameon=False)
