"""Whether two photos show one person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retrieve.cli.showing import render
from retrieve.cli.showing.render import near, shown
from retrieve.cli.showing.terminal.rows import Column, Rows
from retrieve.faces.verify import Verdict, Verification
from retrieve.shares import probability

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
    sure = probability(told.pair.probability)
    of = "a pair of strangers" if count == 1 else f"the best of {count} pairs of strangers"
    render.line(
        f"score {told.pair.score:.4f}, probability {sure}; {of} scores as "
        f"high with a rate of {told.false_match_rate:.2g} (the same from {told.same_from:.4f} on)"
    )
    if count == 1:
        return
    render.line(f"A is {shown(near(a))}, B is {shown(near(b))}")
    names = ("face of A", "of B", "score", "probability")
    made = Rows([Column(name, right=True) for name in names])
    for pair in told.pairs:
        made.add(*map(str, pair.faces), f"{pair.score:.4f}", probability(pair.probability))
    render.show(made)


def as_json(a: Path, b: Path, told: Verification) -> None:
    """One object."""
    render.as_json({"photos": [shown(a), shown(b)], **told_json(told)})


def told_json(told: Verification) -> dict[str, Any]:
    """The fields of a verification."""
    pair = told.pair
    return {
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
