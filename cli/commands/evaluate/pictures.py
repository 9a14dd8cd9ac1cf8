"""retrieve evaluate pictures"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrieve.cli.commands.search.labels import Language
from retrieve.cli.options import JsonOption
from retrieve.cli.showing import render
from retrieve.shares import share

if TYPE_CHECKING:
    from retrieve.evaluation.verification import Rate
    from retrieve.pictures.embedding.measured import Found


def pictures(
    labels: Annotated[
        Path,
        typer.Option(
            help="CSV with the columns file and label: a word for what the photo shows, or a "
            "synset of WordNet 3.0 (as n02123045; its column may be called synset).",
            exists=True,
            dir_okay=False,
        ),
    ],
    root: Annotated[
        Path | None,
        typer.Option(
            help="Folder that the files lie below.",
            show_default="where the list lies",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    language: Annotated[Language, typer.Option(help="Of the labels.")] = Language.ES,
    as_json: JsonOption = False,
) -> None:
    """Measure how well it is named what photos show, on photos of which it is known.

    The likeliest class and the likeliest five, the rankings of all words for the photos' things
    (mean average precision), the labels that people are shown, and what is taken for what.

    Example: retrieve evaluate pictures --labels objects/labels.csv
    """
    from retrieve.indexes.labelled.shown import looked_at
    from retrieve.pictures.embedding.measured import measure

    found = measure(list(looked_at(labels, root, on_skipped=render.skipped)), language.value)
    if as_json:
        render.as_json(_object(found))
        return
    render.table(
        ("", "share", "95 %"),
        [
            _row("likeliest class right", found.first),
            _row("among the likeliest five", found.five),
            *([] if found.right is None else [_row("labels that are right", found.right)]),
            _row("photos with a right label", found.labelled),
        ],
        right="share",
    )
    if found.precision is not None:
        render.line(f"mean average precision of {found.words:,} words: {share(found.precision, 3)}")
    if found.confusions:
        render.table(
            ("shows", "label", "photos"),
            [(one.truth, one.shown or "none", str(one.photos)) for one in found.confusions],
            right="photos",
        )


def _row(name: str, one: Rate) -> tuple[str, str, str]:
    return name, share(one.value, 3), f"{share(one.low, 3)} to {share(one.high, 3)}"


def _object(found: Found) -> dict[str, Any]:
    value = asdict(found)
    for name in ("first", "five", "right", "labelled"):
        one: Rate | None = getattr(found, name)
        value[name] = None if one is None else asdict(one) | {"value": one.value}
    return value
