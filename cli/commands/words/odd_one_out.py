"""retrieve odd-one-out"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import JsonOption, VectorsOption
from retrieve.cli.showing import render


def odd_one_out(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Three or more words.")],
    vectors: VectorsOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Say which of the words does not belong: the farthest from the mean of the others.

    Example: retrieve odd-one-out gato perro mesa caballo
    """
    from retrieve.indexes.words.stores import open_words

    scored = open_words(vectors).odd_one_out(words)
    for found, _ in scored:
        if found.note:
            render.note(found.note)
    odd = scored[0][0].word
    if as_json:
        words_json = [{"word": found.word, "score": round(score, 6)} for found, score in scored]
        render.as_json({"odd": odd, "words": words_json})
        return
    render.line(odd)
    render.table(
        ("word", "score with the others"),
        ((found.word, f"{score:.4f}") for found, score in scored),
    )
