"""retrieve evaluate text, retrieve evaluate similarity"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.options import JsonOption
from retrieve.cli.showing import render
from retrieve.shares import share

if TYPE_CHECKING:
    from retrieve.evaluation.retrieval import Measured

MODES = ("bm25", "words", "lstm", "static", "hybrid")
ENCODERS = ("words", "lstm", "static")
METRICS = {
    "R@1": "recall_1",
    "R@5": "recall_5",
    "R@10": "recall_10",
    "MRR@10": "mrr_10",
    "nDCG@10": "ndcg_10",
}


class Half(StrEnum):
    """Every other title in alphabetical order."""

    ALL = "all"
    FIT = "fit"
    TEST = "test"


def text(
    docs: Annotated[
        Path,
        typer.Option(help="JSONL with _id, text and perhaps title.", exists=True, dir_okay=False),
    ],
    queries: Annotated[
        Path,
        typer.Option(
            help="JSONL with text and doc, the _id that answers it.", exists=True, dir_okay=False
        ),
    ],
    mode: Annotated[
        list[str] | None,
        typer.Option(
            help="Way of searching: bm25, words, lstm, static, hybrid, hybrid:lstm, e5, "
            "hybrid:e5, or an encoder's file or name. Repeatable.",
            show_default="the first three, static, hybrid",
        ),
    ] = None,
    half: Annotated[
        Half, typer.Option(help="Queries about every other title only; all passages stay.")
    ] = Half.ALL,
    titles: Annotated[
        bool | None,
        typer.Option(
            "--titles/--no-titles",
            help="Put titles before the texts that encoders see, or hide them from all modes.",
            show_default="a field of the index of words",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how often a query finds the passage that answers it.

    The intervals hold the true figure at 95 % (bootstrap over queries).

    Example: retrieve evaluate text --docs docs.jsonl --queries queries.jsonl --half test
    """
    from retrieve.evaluation import retrieval
    from retrieve.evaluation.rankings import open_ranking

    collection = retrieval.documents(_lines(docs))
    asked = retrieval.queries(_lines(queries))
    if half != Half.ALL:
        asked = retrieval.half(asked, collection, "fit" if half == Half.FIT else "test")
    rows = []
    for name in mode or MODES:
        found = retrieval.evaluate(open_ranking(name, collection, titles), asked, collection)
        if as_json:
            render.as_json({"mode": name, "half": half.value, "titles": titles} | asdict(found))
        rows.append((name, *(_shown(getattr(found, field)) for field in METRICS.values())))
    if not as_json:
        render.table(("mode", *METRICS), rows)
        render.line(f"{len(asked)} queries, {len(collection)} passages")


def similarity(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="CSV: two sentences and a score a line.",
            exists=True,
            dir_okay=False,
        ),
    ],
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="words, lstm, static, e5, sentence-transformers:NAME, or a file. Repeatable.",
            show_default="words, lstm and static",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how well scores of sentence pairs agree with people (Spearman).

    The interval holds the true figure at 95 %.

    Example: retrieve evaluate similarity stsb-es-dev.csv
    """
    from retrieve.evaluation import sentences
    from retrieve.text.encoders.encode import open_text_encoder

    for path in files:
        judged = sentences.pairs(_lines(path))
        for name in encoder or ENCODERS:
            found = sentences.similarity(open_text_encoder(name), judged)
            if as_json:
                render.as_json({"file": path.name, "encoder": name, **asdict(found)})
            else:
                render.line(
                    f"{path.name}, {name}: Spearman {found.spearman:.3f} "
                    f"({found.low:.3f} to {found.high:.3f}), {found.covered} of {found.asked} pairs"
                )


def _shown(measured: Measured) -> str:
    return f"{share(measured.value, 3)} ({share(measured.low, 3)} to {share(measured.high, 3)})"


def _lines(path: Path) -> list[str]:
    from retrieve.errors import BadInput

    try:
        return path.read_text("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise BadInput(f"wanted UTF-8 text; {path}: {error}") from error
