"""/texts: the documents that are stored, and what they say."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from retrieve.cli.web.api import objects, shapes, telling
from retrieve.cli.web.api.telling import Cursor, Id, Most
from retrieve.cli.web.here import HereNow
from retrieve.cli.web.originals import content_of
from retrieve.indexes.catalog.contents import TEXT
from retrieve.indexes.collection import Collection

router = APIRouter(tags=["texts"], responses=telling.PROBLEMS)


@router.get("/texts", responses={200: {"model": shapes.Texts}})
async def texts(
    request: Request, here: HereNow, most: Most = 50, cursor: Cursor = None
) -> Response:
    """Texts, the newest first, those without a date last."""
    last = telling.after(cursor, (str, type(None)), int)

    def look(collection: Collection) -> dict[str, Any]:
        behind = None if last is None else (last[0], last[1])
        found = collection.stored.texts(most=most + 1, after=behind)
        told = telling.part("texts", found, most, lambda one: [one.written_at, one.id])
        return told | {"texts": [objects.text_json(one) for one in told["texts"]]}

    return await telling.told(request, here, look)


@router.get("/texts/{id}", responses={200: {"model": shapes.WholeText}})
async def text(
    request: Request, here: HereNow, id: Id, most: Most = 100, cursor: Cursor = None
) -> Response:
    """One text with its passages, in order."""
    start = (telling.after(cursor, int) or [0])[0]

    def look(collection: Collection) -> dict[str, Any]:
        seen = collection.stored.text(id)
        every = collection.stored.passages(id)
        more = len(every) > start + most
        return {
            **objects.text_json(seen),
            "passages": [objects.passage_json(one) for one in every[start : start + most]],
            "next": telling.to_cursor([start + most]) if more else None,
        }

    return await telling.told(request, here, look)


@router.get("/texts/{id}/original", response_class=Response, responses=telling.FILE)
async def original(here: HereNow, id: Id) -> Response:
    """The file itself, as it was indexed; 410 if it has changed since or is not there."""
    return await content_of(here, id, TEXT)
