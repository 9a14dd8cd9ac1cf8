"""retrieve check"""

from __future__ import annotations

from typing import Annotated

import typer

from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EngineOption,
    JsonOption,
)
from retrieve.cli.showing import reports


def check(
    collection: CollectionOption = DEFAULT_COLLECTION,
    recall: Annotated[
        bool,
        typer.Option(
            "--recall", help="Measure how much of the exact answers a search through the index has."
        ),
    ] = False,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether a collection is whole: catalog, embeddings, index, permissions.

    Reads everything, of a collection that cannot be written too; exits with 1
    if anything is wrong. Of a cluster each copy of each shard, and whether they
    and the manifest say the same.

    Example: retrieve check --recall
    """
    from retrieve.indexes import keeping
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, engine=engine) as opened:
        findings = keeping.check(opened)
        wrong = any(finding.wrong for finding in findings)
        measured = keeping.recall(opened) if recall and not wrong else None
    reports.checked(findings, measured, as_json=as_json)
    if wrong:
        raise typer.Exit(1)
