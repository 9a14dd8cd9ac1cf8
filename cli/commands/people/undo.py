"""retrieve undo"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing import render


def undo(
    ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[ID]...",
            help="Which, by the numbers of `retrieve history`.",
            show_default="what was said last",
        ),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back what was said of faces: names, merging, splitting, ignoring.

    Faces go where they were. Undoing is said too, and can be undone by its own
    number. What was forgotten cannot be brought back.

    Example: retrieve undo
    """
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import statements, wording

    wanted: list[int | None] = [*ids] if ids else [None]
    with open_collection(collection, engine=engine) as opened:
        with opened.people.saying(lines=wanted) as db:
            done = [statements.undo(db, id) for id in wanted]
            words = [wording.said(db, line) for line in done]
        for line, said in zip(done, words, strict=True):
            if as_json:
                render.as_json({"taken_back": line.id, "said": said})
            else:
                render.line(f"taken back: {line.id}, that {said}")
