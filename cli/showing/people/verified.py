"""Whether two photos show one person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from retrieve.cli.showing import render
from retrieve.cli.showing.render import near, shown
from retrieve.faces.verify import Verdict, Verification

SENTENCES = {
    Verdict.SAME: "the same person",
    Verdict.DIFFERENT: "different people",
    Verdict.UNSURE: "cannot say",
}


def table(a: Path, b: Path, told: Verification) -> None:
    """The verdict, what it rests on, and every face with every face."""
    why = f": {told.why}" if told.why else ""
    render.line(f"{SENTENCES[told.verdict]}{why}")
    if told.pair is None:
        return
    count = len(told.pairs)
    of = "a pair of strangers" if count == 1 else f"the best of {count} pairs of strangers"
    render.line(
        f"score {told.pair.score:.4f}, probability {told.pair.probability:.1%}; {of} scores as "
        f"high with a rate of {told.false_match_rate:.2g} (the same from {told.same_from:.4f} on)"
    )
    if count == 1:
        return
    made = Table(box=None, pad_edge=False)
    for name in (f"face of {shown(near(a))}", f"of {shown(near(b))}", "score", "probability"):
        made.add_column(render.printable(name), justify="right")
    for pair in told.pairs:
        made.add_row(*map(str, pair.faces), f"{pair.score:.4f}", f"{pair.probability:.1%}")
    render.show(made)


def as_json(a: Path, b: Path, told: Verification) -> None:
    """One object."""
    pair = told.pair
    found: dict[str, Any] = {
        "photos": [shown(a), shown(b)],
        "verdict": told.verdict.value,
        "why": told.why or None,
        "score": None if pair is None else round(pair.score, 6),
        "probability": None if pair is None else round(pair.probability, 6),
        "false_match_rate": None
        if told.false_match_rate is None
        else float(f"{told.false_match_rate:.4g}"),
        "same_from": None if told.same_from is None else round(told.same_from, 6),
        "faces": None if pair is None else list(pair.faces),
        "pairs": [
            {
                "faces": list(one.faces),
                "score": round(one.score, 6),
                "probability": round(one.probability, 6),
                "quality": round(one.quality, 4),
            }
            for one in told.pairs
        ],
    }
    render.as_json(found)
