"""retrieve duplicates"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.conditions import with_conditions
from retrieve.cli.exits import BadUsage
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    ImagesOption,
    JsonOption,
    StrangersOption,
    TimeLimitOption,
    to_write,
)
from retrieve.cli.showing import render
from retrieve.cli.showing.terminal.screen import Images

if TYPE_CHECKING:
    from retrieve.indexes.catalog.filters import Filter


class Kind(StrEnum):
    """As retrieve.indexes.duplicates.kinds has them, which needs arrays."""

    PIXELS = "pixels"
    EDITED = "edited"
    BURST = "burst"
    SCENE = "scene"


@with_conditions
def duplicates(
    collection: CollectionOption = DEFAULT_COLLECTION,
    kind: Annotated[
        list[Kind] | None,
        typer.Option(help="Only groups of this kind. Repeatable.", show_default="all"),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many groups to show.")] = 50,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=-1,
            max=1,
            help="Lowest score of two photos of one scene, in place of --strangers.",
            show_default="as --strangers says",
        ),
    ] = None,
    strangers: StrangersOption = None,
    *,
    wanted: Filter,
    as_json: JsonOption = False,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page with the groups to this file.", dir_okay=False, callback=to_write
        ),
    ] = None,
    images: ImagesOption = Images.AUTO,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that read photos, one core each.")
    ] = 2,
    time_limit: TimeLimitOption = 60.0,
) -> None:
    """Find photos that are there more than once, in groups, the best one first.

    Four kinds: the same pixels in several files; the same picture edited (of
    another size, cut, framed, turned, mirrored, grey, compressed, written on);
    a burst, alike and within seconds; the same scene, alike at any time. Of a
    group the best one alone stands in groups of wider kinds.
    The best has the most pixels, then a date, then the sharpest picture and the
    best faces; docs/duplicates.md says it exactly. Photos that look alike are
    read from their files. Nothing is ever deleted.

    Example: retrieve duplicates --kind pixels --kind edited

    Example: retrieve duplicates --since 2019 --html duplicates.html
    """
    if threshold is not None and strangers is not None:
        raise BadUsage("wanted --threshold or --strangers, from which it follows; got both")
    from retrieve.cli.choosing import settled
    from retrieve.cli.showing import looks
    from retrieve.cli.showing.duplicates import told
    from retrieve.indexes.opening import open_collection
    from retrieve.sources import file_reader

    with open_collection(collection) as opened:
        with render.words_progress("photos") as show:
            found = opened.duplicates(
                [one.value for one in kind or Kind],
                wanted=settled(opened, wanted),
                threshold=threshold,
                strangers=strangers,
                processes=processes,
                time_limit_s=time_limit,
                on_progress=lambda done, total: show("comparing", done, total),
            )
        reading = opened.networks.reading
        thumbnail = looks.thumbnailer(
            lambda path: reading.of(file_reader(path))(looks.THUMBNAIL_PX)
        )
        if html is not None:
            from retrieve.cli.showing.duplicates.page import write_page
            from retrieve.errors import BadInput

            try:
                write_page(html, found, thumbnail, noted_in=opened.notes())
            except OSError as error:
                raise BadInput(f"cannot write {render.shown(html)}: {error.strerror}") from error
        if as_json:
            for line in told.json_lines(found):
                render.as_json(line)
        else:
            told.tables(found, thumbnail, render.pictures(images), most=k)
    told.left_out(found)
    if html is not None:
        render.note(f"wrote {render.shown(html)}")
