"""Words found, as a table or JSON: what analogy and neighbors have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieve.cli.showing import render

if TYPE_CHECKING:
    from retrieve.indexes.words.stores import Answer


def show(answer: Answer, *, explained: bool = False, as_json: bool) -> None:
    """Rank, word, score, and the inflections folded into each hit."""
    for text in answer.notes:
        render.note(text)
    if as_json:
        render.as_json(_as_dict(answer, explained))
        return
    render.line(answer.expression)
    render.table(
        ("#", "word", "score", "also"),
        (
            (str(hit.rank), hit.word, f"{hit.score:.4f}", ", ".join(hit.forms[:4]))
            for hit in answer.hits
        ),
        right="# score",
    )
    if explained and answer.explained:
        _explain(answer)


def _as_dict(answer: Answer, explained: bool) -> dict[str, Any]:
    hits = [
        {"rank": hit.rank, "word": hit.word, "score": round(hit.score, 6)}
        | ({"forms": list(hit.forms)} if hit.forms else {})
        for hit in answer.hits
    ]
    value: dict[str, Any] = {"expression": answer.expression, "hits": hits}
    if explained:
        value["explained"] = {
            one.word: {
                term.word: round(score, 6)
                for term, score in zip(answer.terms, one.scores, strict=True)
            }
            for one in answer.explained
        }
    return value


def _explain(answer: Answer) -> None:
    """Scores of the first two hits against each term, and where the second falls behind."""
    render.line("")
    render.table(
        ("score with", *(one.word for one in answer.explained)),
        (
            (
                f"{'+' if term.sign > 0 else '-'} {term.word}",
                *(f"{one.scores[i]:.4f}" for one in answer.explained),
            )
            for i, term in enumerate(answer.terms)
        ),
        right=" ".join(one.word for one in answer.explained),
    )
    if len(answer.explained) < 2:
        return
    first, second = answer.explained
    gains = [
        term.sign * (a - b)
        for term, a, b in zip(answer.terms, first.scores, second.scores, strict=True)
    ]
    best = max(range(len(gains)), key=gains.__getitem__)
    term = answer.terms[best]
    side = "nearer to" if term.sign > 0 else "farther from"
    render.line(
        f"{second.word} comes second: {first.word} is {side} {term.word} by {abs(gains[best]):.4f}"
    )
