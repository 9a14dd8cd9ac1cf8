"""retrieve classify"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrieve.cli.options import JsonOption
from retrieve.cli.showing import render
from retrieve.shares import probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieve.text.classifiers.classify import Ranked, Verdict

NONE = "none of these"
STDIN = "-"
SHOWN = 60  # characters of a passage in a table


def classify(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Documents of any kind that is indexed; - is text from stdin."
        ),
    ],
    model: Annotated[
        str,
        typer.Option(help="Which classifier: languages, or a file of `retrieve train classifier`."),
    ] = "languages",
    k: Annotated[int, typer.Option("-k", min=1, help="How many classes to show.")] = 3,
    passages: Annotated[
        bool, typer.Option("--passages", help="Classify each passage too, not only files.")
    ] = False,
    column: Annotated[
        str | None, typer.Option(help="Column of a table, or field of JSON lines, with the text.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which class each file belongs to, how probable that is, and what comes next.

    A text that is like none of the classes is none of these. Probabilities are calibrated on
    texts that the classifier was not trained on.

    Example: retrieve classify letter.txt --model letters.safetensors
    """
    from retrieve.errors import BadInput
    from retrieve.text.classifiers.classify import open_classifier

    opened = open_classifier(model)
    rows: list[tuple[str, ...]] = []
    read = 0
    for path in files:
        try:
            texts = _passages(path, column)
            verdict = opened.classify_document(texts)
        except BadInput as error:
            render.skipped(path, str(error))
            continue
        read += 1
        inside = []
        if passages:
            covered = [text for text in texts if opened.covers(text)]
            inside = list(zip(covered, opened.classify(covered), strict=True))
        if as_json:
            value = {"path": render.shown(path)} | _as_dict(verdict, k)
            if passages:
                value["passages"] = [{"text": text} | _as_dict(one, k) for text, one in inside]
            render.as_json(value)
            continue
        rows.append((render.shown(path), *_cells(verdict, k)))
        rows += [(f"  {_short(text)}", *_cells(one, k)) for text, one in inside]
    if rows:
        render.table(("text", "class", "probability", "then"), rows, right="probability")
    if not read:
        raise typer.Exit(1)


def _passages(path: Path, column: str | None) -> list[str]:
    from retrieve.documents.read import read_document

    if str(path) != STDIN:
        return [passage.text for passage in read_document(path, column=column).passages]
    from retrieve.documents.encoding import decode
    from retrieve.documents.formats.plain import read_plain
    from retrieve.documents.passages import split

    text, _ = decode(sys.stdin.buffer.read())
    return [passage.text for passage in split(read_plain(text).lines)]


def _cells(verdict: Verdict, k: int) -> tuple[str, str, str]:
    ranked = verdict.ranked[:k]
    if verdict.label is None:
        return NONE, "", _listed(ranked)
    return verdict.label, probability(ranked[0].probability), _listed(ranked[1:])


def _listed(ranked: Sequence[Ranked]) -> str:
    return ", ".join(f"{one.label} {probability(one.probability)}" for one in ranked)


def _as_dict(verdict: Verdict, k: int) -> dict[str, Any]:
    return {
        "class": verdict.label,
        "ranked": [
            {"class": one.label, "probability": round(one.probability, 6)}
            for one in verdict.ranked[:k]
        ],
        "familiarity": round(verdict.familiarity, 4),
    }


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
