"""Photos that look like another, as people read them and as programs do."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from retrieve.cli.showing import render
from retrieve.cli.showing.facehits import shards_json, shards_lines, threshold_json
from retrieve.cli.showing.render import GONE, ITSELF, is_gone, near, printable, shown
from retrieve.cli.showing.terminal.rows import Column, Rows
from retrieve.shares import probability

if TYPE_CHECKING:
    from retrieve.cli.showing.terminal.pictures import Pictures
    from retrieve.indexes.queries.pictures import PictureProbe
    from retrieve.indexes.queries.thresholds import Threshold
    from retrieve.types import PictureHit

Thumbnail = Callable[[Path], bytes | None]  # of a photo's file, a square JPEG
THUMBNAIL_PX = 224


def tables(
    found: Sequence[PictureProbe], thumbnail: Thumbnail, pictures: Pictures | None, *, only: bool
) -> None:
    """A table of photos for each probe.

    only  nothing else is shown: what nothing looks like is told
    """
    passed = []
    for probe in found:
        title = f"{shown(Path(probe.name))}, as a whole"
        if probe.hits and (others(probe) or only):
            render.show(_table(title, probe.hits, thumbnail, pictures))
        if not others(probe) and only:
            other = "other " if probe.hits else ""
            render.line(f"{title}: no {other}stored photo passes the threshold")
        if others(probe) or only:
            passed.append(threshold_line(probe.least))
    for text in [*dict.fromkeys(passed), *(shards_lines(found) if only else ())]:
        render.line(text)


def others(probe: PictureProbe) -> bool:
    """Whether anything but the photo itself was found."""
    return any(not hit.itself for hit in probe.hits)


def threshold_line(least: Threshold) -> str:
    """What passes, among how many, and how often different photos do."""
    among = f"{least.among:,.0f} different photo{'' if round(least.among) == 1 else 's'}"
    if least.strangers is None:
        return f"threshold {least.score:.4f}, among {among}"
    return (
        f"threshold {least.score:.4f}: the best of {among} reaches it with a chance of "
        f"{least.strangers:.2g}"
    )


def _table(
    title: str, hits: Sequence[PictureHit], thumbnail: Thumbnail, pictures: Pictures | None
) -> Rows:
    table = Rows(
        [
            Column("#", right=True),
            *([Column("", picture=pictures.columns)] if pictures else []),
            Column("score", right=True),
            Column("probability", right=True),
            Column("photo", folds=True),
            Column("pixels", right=True),
            Column("date"),
        ],
        printable(title),
    )
    for hit in hits:
        jpeg = None if pictures is None or is_gone(hit.path) else thumbnail(hit.path)
        picture = Text() if pictures is None or jpeg is None else pictures.of(jpeg)
        remarks = [ITSELF] if hit.itself else []
        remarks += [GONE] if is_gone(hit.path) else []
        table.add(
            "" if hit.itself else str(hit.rank),
            *([picture] if pictures else []),
            f"{hit.score:.4f}",
            "" if hit.probability is None else probability(hit.probability),
            printable(shown(near(hit.path)) + "".join(f" ({one})" for one in remarks)),
            f"{hit.size[1]} x {hit.size[0]}",
            (hit.taken_at or "")[:10],
        )
    return table


def json_of(probe: PictureProbe) -> dict[str, Any]:
    """The fields of a search: what passed, and the hits."""
    return {
        **threshold_json(probe.least),
        **shards_json(probe.shards),
        "hits": [_hit_json(hit) for hit in probe.hits],
    }


def _hit_json(hit: PictureHit) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "path": shown(hit.path),
        "gone": is_gone(hit.path),
        "itself": hit.itself,
        "height": hit.size[0],
        "width": hit.size[1],
        "score": round(hit.score, 6),
        "probability": None if hit.probability is None else round(hit.probability, 6),
        "taken_at": hit.taken_at,
        "photo_id": hit.photo_id,
    }


def csv_rows(probe: PictureProbe) -> list[list[str | float]]:
    """A row a hit, under the header of faces: of no face, and without corners."""
    told = threshold_json(probe.least)
    return [
        [
            *(shown(Path(probe.name)), "", hit.rank, shown(hit.path), "", "", "", ""),
            f"{hit.score:.6f}",
            "" if hit.probability is None else f"{hit.probability:.6f}",
            *(hit.taken_at or "", ""),
            *("" if value is None else value for value in told.values()),
        ]
        for hit in probe.hits
    ]


def thumbnailer(read: Callable[[Path], Any]) -> Thumbnail:
    """What makes a small square picture of a photo's file; None of one that cannot be read.

    read  gives the photo, decoded
    """
    from PIL import Image, ImageOps

    from retrieve.photos import BadPhoto

    def thumbnail(path: Path) -> bytes | None:
        try:
            pixels = read(path).pixels
        except BadPhoto:
            return None
        square = (THUMBNAIL_PX, THUMBNAIL_PX)
        buffer = io.BytesIO()
        ImageOps.pad(Image.fromarray(pixels), square, color="white").save(buffer, "JPEG")
        return buffer.getvalue()

    return thumbnail
