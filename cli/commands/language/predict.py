"""retrieve predict"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.options import JsonOption, LanguageModelOption
from retrieve.cli.showing import render

if TYPE_CHECKING:
    from retrieve.text.language.generate import Branch


def predict(
    prompt: Annotated[str, typer.Argument(metavar="TEXT", help='The beginning; "" for <SOS>.')],
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Pieces at each place.")] = 5,
    depth: Annotated[int, typer.Option(min=1, max=5, help="How many pieces on.")] = 2,
    model: LanguageModelOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Show which pieces of text probably come next, and which follow each, as a tree.

    Each probability is that of the piece after all that stands before it; ▁ is a space.

    Example: retrieve predict "la última resolución de las Naciones"
    """
    from retrieve.text.language.generate import likely
    from retrieve.text.language.model import open_language

    branches = likely(open_language(model), prompt, k=k, depth=depth)
    if as_json:
        render.as_json({"text": prompt, "next": [_as_dict(branch) for branch in branches]})
    else:
        render.tree(prompt or "<SOS>", branches, _label, lambda branch: branch.after)


def _label(branch: Branch) -> str:
    return f"{branch.probability:6.1%}  {branch.piece}"


def _as_dict(branch: Branch) -> dict[str, object]:
    return {
        "piece": branch.piece,
        "probability": round(branch.probability, 6),
        "after": [_as_dict(one) for one in branch.after],
    }
