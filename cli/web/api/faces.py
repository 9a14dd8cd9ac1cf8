"""/faces: a stored face, its small picture, and those like it by POST /search with `face_id`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from retrieve.cli.web.api import objects, shapes, telling
from retrieve.cli.web.api.telling import Id
from retrieve.cli.web.here import HereNow
from retrieve.indexes.collection import Collection

router = APIRouter(tags=["faces"], responses=telling.PROBLEMS)


@router.get("/faces/{id}", responses={200: {"model": shapes.FaceShape}})
async def face(request: Request, here: HereNow, id: Id) -> Response:
    """One face: where it is in which photo, and whose it is."""
    return await telling.told(
        request,
        here,
        lambda collection: objects.face_json(collection.stored.face(id)),
    )


@router.get("/faces/{id}/image", response_class=Response, responses=telling.JPEG)
async def image(here: HereNow, id: Id) -> Response:
    """The face as a small JPEG."""

    def look(collection: Collection) -> bytes:
        collection.stored.face(id)
        return collection.picture(id)

    return Response(await here.view(look), media_type="image/jpeg")
