"""All photos, the newest first, under their months, or years where a month has few."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter, Request
from fastapi.responses import Response

from retrieve.cli.web.api import telling
from retrieve.cli.web.api.telling import Cursor
from retrieve.cli.web.here import HereNow
from retrieve.cli.web.parts import tiles
from retrieve.cli.web.parts.tiles import Tile
from retrieve.cli.web.rendering import is_part, render
from retrieve.indexes.collection import Collection

SHOWN = 60  # photos of a part
YEAR, MONTH = 4, 7  # characters of a date
MANY = 6  # photos of a month on average, from which on each has its heading

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Bar:
    """A month in the chart: how many photos, and how high of 100."""

    month: str
    photos: int
    height: float


@router.get("/timeline")
async def timeline(request: Request, here: HereNow, cursor: Cursor = None) -> Response:
    """Photos in parts, and how many there are of each month."""
    last = telling.after(cursor, (str, type(None)), int)

    def look(collection: Collection) -> tuple[list[Tile], str | None, list[Bar]]:
        behind = None if last is None else (last[0], last[1])
        found = collection.stored.photos(most=SHOWN + 1, after=behind)
        told = telling.part("photos", found, SHOWN, lambda one: [one.taken_at, one.photo_id])
        shown = tiles.of_photos(told["photos"])
        return shown, told["next"], _bars(collection)

    shown, after, bars = await here.view(look)
    length = MONTH if sum(bar.photos for bar in bars) >= MANY * len(bars) else YEAR
    by_time = groupby(shown, key=lambda one: (one.taken_at or "")[:length])
    months = [(month, list(some)) for month, some in by_time]
    before = None if last is None else (last[0] or "")[:length]
    template = "_timeline.html" if is_part(request) else "timeline.html"
    return render(request, template, months=months, after=after, bars=bars, before=before)


def _bars(collection: Collection) -> list[Bar]:
    known = [(month, n) for month, n in collection.stored.months() if month]
    most = max((n for _, n in known), default=1)
    return [Bar(month, n, round(100 * n / most, 1)) for month, n in reversed(known)]
