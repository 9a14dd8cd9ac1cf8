"""retrieve similarity"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import JsonOption, VectorsOption
from retrieve.cli.showing import render


def similarity(
    first: Annotated[str, typer.Argument(metavar="A", help="A word.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another word.")],
    vectors: VectorsOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Print the cosine score of two words: 1 for the same, near 0 for unrelated ones.

    Example: retrieve similarity perro gato
    """
    from retrieve.indexes.words.stores import open_words

    score, (a, b) = open_words(vectors).similarity(first, second)
    for found in (a, b):
        if found.note:
            render.note(found.note)
    if as_json:
        render.as_json({"a": a.word, "b": b.word, "score": round(score, 6)})
    else:
        render.line(f"{score:.4f}  {a.word}, {b.word}")
