"""retrieve analogy"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from retrieve.cli.options import AllFormsOption, JsonOption, VectorsOption, WordsKOption
from retrieve.cli.showing.wordhits import show


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

    answer = open_words(vectors).analogy(
        parse(words), k=k, method=method.value, all_forms=all_forms
    )
    show(answer, explained=explained, as_json=as_json)
