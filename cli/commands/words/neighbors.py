"""retrieve neighbors"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import AllFormsOption, JsonOption, VectorsOption, WordsKOption
from retrieve.cli.showing.wordhits import show


def neighbors(
    word: Annotated[str, typer.Argument(help="The word whose neighbours to show.")],
    k: WordsKOption = 10,
    all_forms: AllFormsOption = False,
    vectors: VectorsOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Show the words that mean most nearly what WORD means.

    Example: retrieve neighbors bicicleta
    """
    from retrieve.indexes.words.stores import open_words

    show(open_words(vectors).neighbors(word, k=k, all_forms=all_forms), as_json=as_json)
