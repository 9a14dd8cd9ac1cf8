"""/identify, /verify, /detect, /embed: photos that are sent, and nothing is stored of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from retrieve.cli.showing.facehits import found_json
from retrieve.cli.showing.people.identified import photo_json
from retrieve.cli.showing.people.verified import told_json
from retrieve.cli.web.api import shapes, telling
from retrieve.cli.web.errors import Json
from retrieve.cli.web.here import HereNow
from retrieve.cli.web.uploads import form_of, photo_in
from retrieve.faces.embedding import views
from retrieve.faces.extract import PhotoFaces
from retrieve.faces.verify import verify_read
from retrieve.indexes.collection import Collection
from retrieve.sources import reader_of

router = APIRouter(tags=["networks"], responses=telling.PROBLEMS)


def _form(*photos: str) -> dict[str, Any]:
    """A form with these photos, as the OpenAPI document has it."""
    schema = {
        "type": "object",
        "properties": {name: {"type": "string", "format": "binary"} for name in photos},
        "required": list(photos),
    }
    body = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    return {"requestBody": body}


@router.post(
    "/identify", responses={200: {"model": shapes.Identified}}, openapi_extra=_form("photo")
)
async def identify(
    request: Request,
    here: HereNow,
    explain: Annotated[bool, Query(description="The nearest faces, too.")] = False,
    unnamed: Annotated[bool, Query(description="Compare with those without a name, too.")] = False,
    strangers: Annotated[float | None, Query(gt=0, lt=1)] = None,
) -> Response:
    """Whose each face of a photo is: a name, or an honest unknown."""
    async with here.uploading, form_of(request) as form:
        photo = await photo_in(form, "photo")
        found = await here.photo(
            lambda collection: collection.identify(photo, strangers=strangers, unnamed=unnamed)
        )
    return Json(photo_json(found, explain=explain))


@router.post("/verify", responses={200: {"model": shapes.Verified}}, openapi_extra=_form("a", "b"))
async def verify(
    request: Request,
    here: HereNow,
    false_match_rate: Annotated[float, Query(gt=0, lt=1)] = 0.0002,
) -> Response:
    """Whether two photos show one person: the same, different, or cannot say."""
    async with here.uploading, form_of(request) as form:
        a, b = await photo_in(form, "a"), await photo_in(form, "b")

        def look(collection: Collection) -> dict[str, Any]:
            reading = collection.networks.reading
            one, other = (reading.of(reader_of(photo)) for photo in (a, b))
            return told_json(verify_read(one, other, false_match_rate=false_match_rate))

        return Json(await here.photo(look))


@router.post("/detect", responses={200: {"model": shapes.Detected}}, openapi_extra=_form("photo"))
async def detect(request: Request, here: HereNow) -> Response:
    """Where the faces in a photo are, and how good they are for recognition."""
    async with here.uploading, form_of(request) as form:
        photo = await photo_in(form, "photo")
        found = await here.photo(lambda collection: _faces(collection, photo))
    return Json({"path": None, "faces": found_json(found)})


@router.post("/embed", responses={200: {"model": shapes.Embedded}}, openapi_extra=_form("photo"))
async def embed(request: Request, here: HereNow) -> Response:
    """The faces in a photo with their embeddings, comparable with those that are stored."""
    async with here.uploading, form_of(request) as form:
        photo = await photo_in(form, "photo")

        def look(collection: Collection) -> dict[str, Any]:
            found = _faces(collection, photo)
            embedder = collection.embedder
            rows = views.embed(embedder, found.crops)
            faces = [
                face | {"embedding": [round(float(x), 6) for x in row]}
                for face, row in zip(found_json(found), rows, strict=True)
            ]
            return {"embedder": embedder.name, "dim": embedder.dim, "faces": faces}

        return Json(await here.photo(look))


def _faces(collection: Collection, photo: bytes) -> PhotoFaces:
    """By the networks of the collection, or those of a new one."""
    space = collection.faces.space()
    if space is not None:
        collection.networks.follow(space.made_by)
    return collection.networks.extract(reader_of(photo))
