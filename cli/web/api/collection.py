"""/collection: what there is, and what could not be used."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from retrieve.cli.showing.render import info_json, shown
from retrieve.cli.web.api import shapes, telling
from retrieve.cli.web.api.telling import Cursor, Most
from retrieve.cli.web.here import HereNow
from retrieve.indexes.collection import Collection

router = APIRouter(tags=["collection"], responses=telling.PROBLEMS)


@router.get("/collection", responses={200: {"model": dict[str, Any]}})
async def collection(request: Request, here: HereNow) -> Response:
    """Counts, networks and formats, as `retrieve info --json` tells them."""
    return await telling.told(request, here, lambda opened: info_json(opened.info(), None))


@router.get("/collection/skipped", responses={200: {"model": shapes.SkippedFiles}})
async def skipped(
    request: Request, here: HereNow, most: Most = 100, cursor: Cursor = None
) -> Response:
    """Files that are there and could not be used, with the reason of each."""
    start = (telling.after(cursor, int) or [0])[0]

    def look(opened: Collection) -> dict[str, Any]:
        every = opened.skipped()
        some = every[start : start + most]
        more = len(every) > start + most
        return {
            "skipped": [{"path": shown(one.path), "reason": one.reason} for one in some],
            "next": telling.to_cursor([start + most]) if more else None,
        }

    return await telling.told(request, here, look)
