"""What the collection holds, what could not be used and why, and whether all is whole.

The counts follow an index that runs, here or in another terminal, by server-sent events.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from anyio import sleep
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from retrieve.cli.web.here import HereNow
from retrieve.cli.web.rendering import is_part, render
from retrieve.indexes import keeping
from retrieve.indexes.collection import Collection
from retrieve.indexes.queries.asked import LARGEST_ID

SHOWN = 100  # files of a part
EVERY_S = 1.0  # between two looks
COUNTS = ("photos", "faces", "persons", "pictures", "texts", "passages", "files", "skipped", "gone")

router = APIRouter()


@router.get("/collection")
async def collection(
    request: Request, here: HereNow, start: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0
) -> Response:
    """Counts, networks, and the files that were left out."""
    skipped = await here.read(lambda one: one.skipped())
    after = start + SHOWN if len(skipped) > start + SHOWN else 0
    some = skipped[start : start + SHOWN]
    if is_part(request):
        return render(request, "_skipped.html", skipped=some, after=after)
    info = await here.read(lambda one: one.info())
    return render(request, "collection.html", info=info, counts=COUNTS, skipped=some, after=after)


@router.get("/collection/check")
async def checked(request: Request, here: HereNow) -> Response:
    """What `retrieve check` finds; nothing is changed."""
    findings = await here.photo(keeping.check)  # it reads all files: not among those who search
    return render(request, "_check.html" if is_part(request) else "check.html", findings=findings)


@router.get("/collection/events")
async def events(request: Request, here: HereNow) -> Response:
    """The counts, whenever they have changed."""

    async def told() -> AsyncIterator[str]:
        before: dict[str, Any] = {}
        seen: object = None
        again = True  # what is committed right after a change may have the same stamp
        while not await request.is_disconnected():
            stamp = await here.read(lambda one: one.stamp())
            if again or stamp != seen:
                again, seen = stamp != seen, stamp
                now = await here.view(_counts)
                if now != before:
                    yield f"data: {json.dumps(now)}\n\n"
                    before = now
            await sleep(EVERY_S)

    return StreamingResponse(told(), media_type="text/event-stream")


def _counts(opened: Collection) -> dict[str, int]:
    counts = opened.counts()
    return {name: counts[name] for name in COUNTS if name in counts}
