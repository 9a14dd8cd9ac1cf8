"""retrieve evaluate"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrieve.cli.commands.evaluate import classifier as evaluate_classifier
from retrieve.cli.commands.evaluate import faces as evaluate_faces
from retrieve.cli.commands.evaluate import language as evaluate_language
from retrieve.cli.commands.evaluate import pictures as evaluate_pictures
from retrieve.cli.commands.evaluate import text as evaluate_text
from retrieve.cli.helped import Group
from retrieve.cli.hyphens import Words
from retrieve.cli.options import JsonOption, VectorsOption
from retrieve.cli.showing import render
from retrieve.shares import share

if TYPE_CHECKING:
    from retrieve.evaluation.words import Correlation, Section

app = typer.Typer(
    cls=Group, help="Measure how good models are, with intervals.", no_args_is_help=True
)


app.command(cls=Words)(evaluate_language.language_model)
app.command(cls=Words)(evaluate_text.text)
app.command(cls=Words)(evaluate_text.similarity)
app.command(cls=Words)(evaluate_classifier.classifier)
app.command(cls=Words)(evaluate_faces.faces)
app.command(cls=Words)(evaluate_pictures.pictures)


@app.callback()
def _evaluate() -> None:
    pass


@app.command(cls=Words)
def words(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Analogies (`: section`, then four words a line) or word pairs with a score.",
            exists=True,
            dir_okay=False,
        ),
    ],
    vectors: VectorsOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Measure word vectors on analogies (share right) and similarity (Spearman).

    The intervals hold the true figure at 95 %. Questions with an unknown word count as not
    covered; every word of the vocabulary may be an answer, and nothing is folded.

    Example: retrieve evaluate words analogies_es.txt ES_RG-65.txt
    """
    from retrieve.errors import BadInput
    from retrieve.evaluation.words import analogies, is_similarity, similarity
    from retrieve.indexes.words.stores import open_words

    index = open_words(vectors)
    for path in files:
        try:
            lines = path.read_text("utf-8").splitlines()
            if is_similarity(lines):
                _correlation(path, similarity(lines, index.vectors), as_json)
            else:
                _sections(path, *analogies(lines, index.vectors, index.nearest), as_json)
        except (BadInput, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: {error}") from error


def _sections(path: Path, sections: list[Section], total: Section, as_json: bool) -> None:
    if as_json:
        value = {"file": path.name, "sections": [_section(one) for one in sections]}
        render.as_json(value | {"total": _section(total)})
        return
    render.line(path.name)
    render.table(
        ("section", "asked", "covered", "right", "95 %"),
        (
            (
                one.name,
                str(one.asked),
                str(one.covered),
                share(one.first.value, 3) if one.first else "",
                f"{share(one.first.low, 3)} to {share(one.first.high, 3)}" if one.first else "",
            )
            for one in (*sections, total)
        ),
        right="asked covered right",
    )
    render.line(f"covered {share(total.covered / total.asked, 3)} of all questions")


def _section(one: Section) -> dict[str, Any]:
    share = None if one.first is None else asdict(one.first) | {"value": one.first.value}
    return {"section": one.name, "asked": one.asked, "covered": one.covered, "first": share}


def _correlation(path: Path, found: Correlation, as_json: bool) -> None:
    if as_json:
        render.as_json({"file": path.name, **asdict(found)})
        return
    render.line(
        f"{path.name}: Spearman {found.spearman:.3f} ({found.low:.3f} to {found.high:.3f}), "
        f"{found.covered} of {found.asked} pairs"
    )
