"""retrieve generate"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from retrieve.cli.options import JsonOption, LanguageModelOption
from retrieve.cli.showing import render


def generate(
    prompt: Annotated[
        str, typer.Argument(metavar="TEXT", help='The beginning; "" for <SOS>.')
    ] = "",
    length: Annotated[int, typer.Option(min=0, help="Most pieces.")] = 100,
    temperature: Annotated[
        float, typer.Option(min=0, help="0: always the likeliest; above 1: the rarer ones more.")
    ] = 0.8,
    top_p: Annotated[
        float, typer.Option(help="Draw among the likeliest pieces of this probability together.")
    ] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same text.")] = 1,
    lines: Annotated[int, typer.Option(min=1, help="End at the <EOS> of so many lines.")] = 1,
    model: LanguageModelOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Write on from TEXT, piece by piece, as the language model would.

    What it says is made up: it has learnt which pieces follow each other, and no facts.

    Example: retrieve generate "La noche" --lines 3
    """
    from retrieve.text.language.generate import generate as drawn
    from retrieve.text.language.model import open_language

    opened = open_language(model)
    found = drawn(
        opened,
        prompt,
        length=length,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        lines=lines,
    )
    end = opened.pieces.piece(opened.pieces.end)
    if as_json:
        pieces = list(found)
        text = "".join("\n" if one.piece == end else one.text for one in pieces)
        render.as_json(
            {
                "prompt": prompt,
                "text": prompt.strip() + text.rstrip("\n"),
                "ended": bool(pieces) and pieces[-1].piece == end,
                "pieces": [asdict(one) for one in pieces],
            }
        )
        return
    with render.streaming() as write:
        write(prompt.strip())
        for one in found:
            write("\n" if one.piece == end else one.text)
