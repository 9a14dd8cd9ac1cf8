"""retrieve group"""

from __future__ import annotations

from dataclasses import asdict

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.reports import counted


def group(
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Group all faces into people, from nothing.

    Indexing attaches new faces to the people there are; this looks at all of them
    again, as after many new photos. What you said of faces holds, names stay, and
    people keep their numbers. What is not sure stays apart, as a question.

    Example: retrieve group
    """
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, engine=engine) as opened:
        done = opened.group()
    if as_json:
        render.as_json(asdict(done))
        return
    rows = [
        (name, f"{getattr(done.before, key):,}", f"{getattr(done.after, key):,}")
        for key, name in (
            ("persons", "people"),
            ("several", "with two faces or more"),
            ("unknown", "faces of nobody"),
        )
    ]
    render.table(("", "before", "after"), rows, right="before after")
    render.line(
        f"{counted(done.faces, 'face')} grouped: {done.moved:,} moved, {done.attached:,} attached; "
        f"{counted(done.questions, 'pair')} of people may be one"
    )
