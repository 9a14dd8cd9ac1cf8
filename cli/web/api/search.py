"""/search: words, a photo, both, a stored face, a stored photo, or photos of persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response

from retrieve.cli.choosing import named
from retrieve.cli.showing import looks
from retrieve.cli.showing.facehits import probe_json, shards_json
from retrieve.cli.showing.texthits import found_json
from retrieve.cli.web.api import shapes, telling
from retrieve.cli.web.api.asked import MOST, Asked, asked_in_form, asked_in_json
from retrieve.cli.web.errors import Json, Refused
from retrieve.cli.web.here import Here, HereNow
from retrieve.cli.web.uploads import form_of, photo_in
from retrieve.errors import BadInput
from retrieve.indexes.catalog.filters import PICTURES, Filter
from retrieve.indexes.collection import MOST_FACES, Collection
from retrieve.indexes.queries.pictures import PictureProbe
from retrieve.indexes.queries.probes import Probe
from retrieve.types import Hit, PictureHit, TextHit

Ranked = TypeVar("Ranked", Hit, PictureHit)

DEEPEST = 1000  # hits behind which a search does not go on

EXAMPLE = {"query": "una boda en Zaragoza", "k": 3, "since": "1950"}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": Asked.model_json_schema(), "example": EXAMPLE},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "photo": {"type": "string", "format": "binary"},
                        "query": {"type": "string", "maxLength": 2000},
                        "k": {"type": "integer", "minimum": 1, "maximum": MOST},
                    },
                    "required": ["photo"],
                }
            },
        },
    }
}

router = APIRouter(tags=["search"], responses=telling.PROBLEMS)


@dataclass(frozen=True, slots=True)
class Found:
    """What a photo has found, kept for the parts behind the first: its faces are embedded once."""

    asked: Asked
    probe: Probe
    whole: PictureProbe | None = None
    said: Sequence[TextHit] | None = None
    corrected: str | None = None


@router.post(
    "/search",
    responses={200: {"model": shapes.FoundFaces | shapes.FoundPassages}},
    openapi_extra=BODY,
)
async def search(request: Request, here: HereNow) -> Response:
    """Faces like those in a photo, passages and photos by words, photos of persons, or photos that
    look like a stored one.

    A form brings a photo in the field `photo`, everything else in fields of the same names as in
    JSON. The next part is asked for by its cursor alone.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        asked = asked_in_json(await request.body())
        return Json(await answered(here, asked))
    async with here.uploading, form_of(request) as form:
        asked = asked_in_form(form)
        photo = await photo_in(form, "photo")
        return Json(await with_photo(here, asked, photo))


async def answered(here: Here, asked: Asked) -> dict[str, Any]:
    """What a search without a photo finds, or the next part of any."""
    if asked.cursor is None:
        return await here.read(lambda collection: _searched(collection, asked, 0))
    match telling.from_cursor(asked.cursor):
        case [dict() as fields, int() as start] if 0 < start < DEEPEST:
            try:
                before = Asked.model_validate(fields)
            except ValueError as error:
                raise telling.no_cursor() from error
            return await here.read(lambda collection: _searched(collection, before, start))
        case [str() as key, int() as start] if 0 < start < DEEPEST:
            found = here.found(key)
            if not isinstance(found, Found):
                raise Refused(410, "that search is not kept any more: search for the photo again")
            return _part(found, start, key)
    raise telling.no_cursor()


async def with_photo(here: Here, asked: Asked, photo: bytes) -> dict[str, Any]:
    """What a photo finds, alone or with words."""
    if any(one is not None for one in (asked.face_id, asked.photo_id, asked.cursor)):
        raise BadInput(
            "wanted a photo, or face_id, photo_id or a cursor; got more than one of them"
        )
    found = await here.photo(lambda collection: _probed(collection, asked, photo))
    return _part(found, 0, here.keep(found))


def _searched(collection: Collection, asked: Asked, start: int) -> dict[str, Any]:
    wanted = named(collection, asked.wanted)
    k = min(start + asked.k + 1, DEEPEST)
    if asked.face_id is not None or asked.photo_id is not None:
        return _like_stored(collection, asked, wanted, start, k)
    if not asked.query:
        if not wanted.persons:
            raise BadInput(
                "wanted query, face_id, photo_id, persons, or a form with a photo; got none"
            )
        hits = collection.photos_of(wanted, k=k)
        shards = collection.shards
        told = found_json("", hits[start : start + asked.k], None, of=", ".join(asked.persons))
        return shards_json(shards) | told | _next(len(hits), start, asked)
    hits = collection.search_texts(
        asked.query,
        k=k,
        mode=asked.mode,
        wanted=wanted,
        exact=asked.exact,
        exact_words=asked.exact_words,
        grouped=asked.grouped,
    )
    shards = collection.shards
    corrected = None if asked.exact_words else collection.corrected(asked.query)
    told = found_json(asked.query, hits[start : start + asked.k], corrected)
    return shards_json(shards) | told | _next(len(hits), start, asked)


def _like_stored(
    collection: Collection, asked: Asked, wanted: Filter, start: int, k: int
) -> dict[str, Any]:
    """What is like a stored face, or looks like a stored photo."""
    given = {"query": asked.query or None, "face_id": asked.face_id, "photo_id": asked.photo_id}
    several = [name for name, value in given.items() if value is not None]
    if len(several) > 1:
        raise BadInput(f"wanted query, face_id or photo_id; got {' and '.join(several)}")
    common: dict[str, Any] = {
        "k": k,
        "threshold": asked.threshold,
        "strangers": asked.strangers,
        "wanted": wanted,
        "exact": asked.exact,
    }
    cursor = _next(DEEPEST + 1, start, asked)["next"]
    if asked.face_id is not None:
        probe = collection.search_stored(asked.face_id, **common)
        return _of_faces(probe, None, start, start + asked.k, cursor)
    assert asked.photo_id is not None
    alike = collection.search_stored_picture(asked.photo_id, **common)
    return _of_faces(Probe(alike.path, []), alike, start, start + asked.k, cursor)


def _probed(collection: Collection, asked: Asked, photo: bytes) -> Found:
    wanted = named(collection, asked.wanted)
    common = {
        "threshold": asked.threshold,
        "strangers": asked.strangers,
        "wanted": wanted,
        "exact": asked.exact,
    }
    if asked.looks:
        whole = collection.search_pictures(photo, k=DEEPEST, **common)  # type: ignore[arg-type]
        return Found(asked, Probe(None, []), whole)
    most = MOST_FACES if asked.query else DEEPEST
    probe = collection.search_faces(photo, k=most, face=asked.face, **common)  # type: ignore[arg-type]
    if not asked.query:
        if asked.face is not None or collection.space(PICTURES) is None:
            return Found(asked, probe)
        alike = common | {"threshold": None}  # that of faces says nothing of photos
        return Found(asked, probe, collection.search_pictures(photo, k=DEEPEST, **alike))  # type: ignore[arg-type]
    said = collection.search_texts(
        asked.query,
        k=DEEPEST,
        mode=asked.mode,
        wanted=wanted,
        faces=probe,
        exact=asked.exact,
        exact_words=asked.exact_words,
    )
    corrected = None if asked.exact_words else collection.corrected(asked.query)
    return Found(asked, probe, None, said, corrected)


def _part(found: Found, start: int, key: str) -> dict[str, Any]:
    """So many hits of what was found, behind others."""
    end = start + found.asked.k
    cursor = telling.to_cursor([key, end])
    if found.said is None:
        return _of_faces(found.probe, found.whole, start, end, cursor)
    told = found_json(
        found.asked.query,
        found.said[start:end],
        found.corrected,
        [found.probe],
        photos_with_the_face=len({hit.path for hit in found.probe}),
    )
    more = {"next": cursor if len(found.said) > end else None}
    return shards_json(found.probe.shards) | told | more


def _of_faces(
    probe: Probe, whole: PictureProbe | None, start: int, end: int, cursor: str | None
) -> dict[str, Any]:
    """The hits of those ranks, of each face; the face itself stands before the first."""
    faces = [replace(face, hits=_ranked(face.hits, start, end)) for face in probe.faces]
    alike = None if whole is None else replace(whole, hits=_ranked(whole.hits, start, end))
    ranks = [hit.rank for face in probe.faces for hit in face.hits]
    ranks += [] if whole is None else [hit.rank for hit in whole.hits]
    told = probe_json(
        Probe(probe.path, faces, least=probe.least, shards=probe.shards),
        None if alike is None else looks.json_of(alike),
    )
    return told | {"next": cursor if max(ranks, default=0) > end else None}


def _ranked(hits: Sequence[Ranked], start: int, end: int) -> list[Ranked]:
    return [hit for hit in hits if start < hit.rank <= end or (hit.rank == 0 == start)]


def _next(found: int, start: int, asked: Asked) -> dict[str, Any]:
    """The cursor behind a part of so many hits, of which one more was asked for."""
    end = start + asked.k
    fields = asked.model_dump(mode="json", exclude_defaults=True)
    return {"next": telling.to_cursor([fields, end]) if found > end and end < DEEPEST else None}
