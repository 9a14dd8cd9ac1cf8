"""retrieve analogy"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.options import AllFormsOption, JsonOption, VectorsOption, WordsKOption
from retrieve.cli.showing import render
from retrieve.cli.showing.wordhits import show

if TYPE_CHECKING:
    from retrieve.indexes.words.stores import WordIndex

COMMON = 1000  # occurrences: a sum with a word so common in Spanish texts is taken for Spanish
HARDLY, RATHER = 0.01, 0.5  # how probable Spanish, and another language, are to be for a hint


class Method(StrEnum):
    """How the terms of a sum come together."""

    ADD = "add"
    MUL = "mul"


def analogy(
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORD...", help="Three words, or a sum with + and -."),
    ],
    k: WordsKOption = 10,
    method: Annotated[
        Method, typer.Option(help="add: cosine with the sum; mul: product of cosines.")
    ] = Method.ADD,
    explained: Annotated[
        bool, typer.Option("--explain", help="Say how near the first two hits are to each word.")
    ] = False,
    all_forms: AllFormsOption = False,
    vectors: VectorsOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Solve "A is to B as C is to ?": A B C stands for A - B + C.

    Any signed sum works: "amar - positivo + negativo". The words of the sum are left out
    of the answer, and so are their inflections.

    Example: retrieve analogy rey hombre mujer
    """
    from retrieve.indexes.words.stores import open_words
    from retrieve.text.words.analogy import parse

    index = open_words(vectors)
    answer = index.analogy(parse(words), k=k, method=method.value, all_forms=all_forms)
    if index.vectors.language == "es" and _foreign(index, [term.word for term in answer.terms]):
        render.note(f"the vectors {index.vectors.name!r} are Spanish: try rey hombre mujer")
    show(answer, explained=explained, as_json=as_json)


def _foreign(index: WordIndex, words: list[str]) -> bool:
    """Whether the words, all of them rare in Spanish texts, are rather of another language."""
    rows = [row for word in words if (row := index.vectors.row(word)) is not None]
    if any(index.vectors.counts[row] >= COMMON for row in rows):
        return False
    from retrieve.text.classifiers.classify import LANGUAGES, open_classifier
    from retrieve.text.spoken import STEMMED_AS

    ranked = open_classifier(LANGUAGES).classify([" ".join(words)])[0].ranked
    # Names are spelt alike in Spanish and its nearest neighbours: kenia is Asturian, too.
    spanish = sum(one.probability for one in ranked if STEMMED_AS[one.label] == "es")
    return spanish < HARDLY and ranked[0].probability > RATHER
