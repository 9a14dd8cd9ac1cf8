"""retrieve labels"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.conditions import with_conditions
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from retrieve.cli.showing import render

if TYPE_CHECKING:
    from retrieve.indexes.catalog.filters import Filter


class Language(StrEnum):
    """Of the words."""

    ES = "es"
    EN = "en"


@with_conditions
def labels(
    collection: CollectionOption = DEFAULT_COLLECTION,
    k: Annotated[int, typer.Option("-k", min=1, help="How many labels to show.")] = 50,
    language: Annotated[
        Language | None,
        typer.Option(help="Of the words.", show_default="that of the collection's texts"),
    ] = None,
    *,
    wanted: Filter,
    as_json: JsonOption = False,
) -> None:
    """List what the photos show, as a network sees it, with how many show it.

    A label counts where the network is sure. A search for the word shows these
    photos, and behind them those of which it is not: retrieve search perro

    Example: retrieve labels --since 2019
    """
    from retrieve.cli.choosing import settled
    from retrieve.indexes.opening import open_collection

    with open_collection(collection) as opened:
        spoken = None if language is None else language.value
        found = opened.labels(settled(opened, wanted), language=spoken)
        shards = opened.shards
    if shards is not None:
        render.note(str(shards))
    if as_json:
        for word, photos in found:
            render.as_json({"label": word, "photos": photos})
        return
    if not found:
        render.line("no photo shows anything surely")
        return
    render.table(("label", "photos"), [(word, str(n)) for word, n in found[:k]], right="photos")
    if len(found) > k:
        render.note(f"{k} of {len(found)} labels; for all: -k {len(found)}")
