"""/photos: what is stored, newest first, and the files, by id alone."""

from __future__ import annotations

import io
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from retrieve.cli.choosing import named
from retrieve.cli.web.api import objects, shapes, telling
from retrieve.cli.web.api.telling import Cursor, Id, Most
from retrieve.cli.web.errors import Refused
from retrieve.cli.web.filters import filter_of
from retrieve.cli.web.here import Here, HereNow
from retrieve.cli.web.originals import GONE, content_of
from retrieve.indexes.catalog.contents import PHOTO
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.collection import Collection
from retrieve.photos import BadPhoto
from retrieve.sources import reader_of

SIZES = Annotated[int, Query(ge=16, le=4096, description="Pixels of the longer side, at most.")]
QUALITY = 85  # of the JPEG of a photo that is shown

router = APIRouter(tags=["photos"], responses=telling.PROBLEMS)


@router.get("/photos", responses={200: {"model": shapes.Photos}})
async def photos(
    request: Request,
    here: HereNow,
    wanted: Annotated[Filter, Depends(filter_of)],
    most: Most = 50,
    cursor: Cursor = None,
) -> Response:
    """Photos that satisfy the conditions, the newest first, those without a date last."""
    last = telling.after(cursor, (str, type(None)), int)

    def look(collection: Collection) -> dict[str, Any]:
        asked = named(collection, wanted)
        behind = None if last is None else (last[0], last[1])
        found = collection.stored.photos(asked, most=most + 1, after=behind)
        told = telling.part("photos", found, most, lambda one: [one.taken_at, one.photo_id])
        return told | {"photos": [objects.photo_json(one) for one in told["photos"]]}

    return await telling.told(request, here, look)


@router.get("/photos/{id}", responses={200: {"model": shapes.WholePhoto}})
async def photo(request: Request, here: HereNow, id: Id) -> Response:
    """One photo with its faces, labels, place and all that is said of it."""
    return await telling.told(
        request,
        here,
        lambda collection: objects.whole_photo_json(collection.stored.photo(id)),
    )


@router.get("/photos/{id}/image", response_class=Response, responses=telling.JPEG)
async def image(here: HereNow, id: Id, size_px: SIZES = 1024) -> Response:
    """The photo, upright, as a JPEG of at most that size; decoded where uploads are."""
    return Response(await jpeg_of(here, id, size_px), media_type="image/jpeg")


@router.get("/photos/{id}/original", response_class=Response, responses=telling.FILE)
async def original(here: HereNow, id: Id) -> Response:
    """The file itself, as it was indexed; 410 if it has changed since or is not there."""
    return await content_of(here, id, PHOTO)


async def jpeg_of(here: Here, id: int, size_px: int) -> bytes:
    """A photo as it is shown; raises Refused where its file cannot be read now, or is another."""

    def look(collection: Collection) -> bytes:
        from PIL import Image

        known = collection.stored.file_of(id, PHOTO)
        try:
            reading = collection.networks.reading
            read = reading.of(reader_of(known.path))(size_px)
        except BadPhoto as error:
            raise Refused(410, str(error)) from error
        if collection.sha256_of(id) != read.sha256:
            raise Refused(410, GONE)
        picture = Image.fromarray(read.pixels)
        picture.thumbnail((size_px, size_px))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=QUALITY)
        return buffer.getvalue()

    return await here.photo(look)
