"""What a trained embedder of faces is worth beside what it began with and the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieve.cli.showing import render
from retrieve.shares import share

if TYPE_CHECKING:
    from retrieve.training.faces.recipe import Report
    from retrieve.training.faces.verified import Change


def show(report: Report, below: str, *, as_json: bool) -> None:
    """Its figures on people held out; below is the embedder under a head."""
    if as_json:
        render.as_json({"written": report.written} | report.figures())
        return
    render.line(
        f"trained on {report.trained_on[1]:,} photos of {report.trained_on[0]:,} people, measured "
        f"on {report.held_out[1]:,} photos of {report.held_out[0]:,} others"
    )
    rates = list(report.before.missed)
    columns = ["missed at a false-match rate of", *(f"{rate:g}" for rate in rates), "EER"]
    rows = [
        [name, *(share(one.missed[rate]) for rate in rates), share(one.equal)]
        for name, one in (
            (f"before{f': {below}' if below else ''}", report.before),
            ("after", report.after),
            ("the default embedder", report.default),
        )
    ]
    render.table(columns, rows, right=" ".join(columns[1:]))
    render.line(f"after beside before {_told(report.gain)}")
    render.line(f"after beside the default {_told(report.beside)}")


def _told(change: Change) -> str:
    verdict = "misses less, beyond chance" if change.better else "is not better beyond chance"
    if change.low is None or change.high is None:
        return f"at {change.rate:g}: {change.value:+.4f}; too few people to tell chance apart"
    return (
        f"at {change.rate:g}: {change.value:+.4f} ({change.low:+.4f} to {change.high:+.4f}), "
        f"so it {verdict}"
    )
