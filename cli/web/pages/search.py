"""The first page: words, a photo, both, a stored face or photo, and what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from retrieve.cli.choosing import settled
from retrieve.cli.web.errors import Refused
from retrieve.cli.web.here import Here, HereNow
from retrieve.cli.web.parts import tiles
from retrieve.cli.web.parts.asked import Asked, asked_of
from retrieve.cli.web.parts.sent import Sent, photos_of
from retrieve.cli.web.parts.tiles import Tile
from retrieve.cli.web.rendering import is_part, query_of, render
from retrieve.cli.web.uploads import form_of, photo_in
from retrieve.errors import BadInput, RetrievalError
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.catalog.persons import Person
from retrieve.indexes.collection import MOST_FACES, Collection
from retrieve.indexes.people.listing import FEWEST
from retrieve.indexes.queries.probes import Probe
from retrieve.types import Hit, TextHit

SHOWN = 30  # hits of a part
DEEPEST = 1000  # hits behind which a search does not go on
STRIP = 14  # people on the first page
COMPLETED = 300  # names that a field offers, those with most faces first

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Found:
    """A part of what was found.

    faces      how many the photo has that was sent, None without one
    corrected  the words as they were probably meant
    more       whether there are further hits
    """

    items: Sequence[Tile | TextHit] = ()
    faces: int | None = None
    corrected: str | None = None
    more: bool = False
    people: Sequence[tuple[Person, int]] = ()
    names: Sequence[str] = ()
    photos: int = 0


@router.get("/")
async def search(request: Request, here: HereNow, start: int = 0) -> Response:
    """The box alone, or with what was found; htmx takes the list alone."""
    asked, found, reason = Asked(), Found(), ""
    try:
        asked = asked_of(request)
        if not 0 <= start < DEEPEST:
            raise BadInput(f"wanted a place from 0 to {DEEPEST - 1}; got {start}")
        found = await _answered(request, here, asked, start)
    except (RetrievalError, Refused) as error:
        reason = str(error)
    names = [] if is_part(request) else await here.read(lambda one: names_of(here, one))
    part = "_hits.html" if start else "_found.html"
    template = part if is_part(request) else "search.html"
    after = query_of(asked.values, start=start + SHOWN) if found.more else ""
    return render(
        request, template, asked=asked, found=found, reason=reason, after=after, names=names
    )


@router.post("/")
async def send(request: Request, here: HereNow) -> Response:
    """A photo is kept for a while, and the page that searches for it is where to go."""
    async with here.uploading, form_of(request) as form:
        content = await photo_in(form, "photo")
        given: dict[str, Any] = {}
        for name in ("q", "person", "folder", "since", "until", "near"):
            given[name] = [one for one in form.getlist(name) if isinstance(one, str) and one]
    key = photos_of(request).keep(content)
    return RedirectResponse(f"/?{query_of(given, sent=key)}", 303)


@router.get("/sent/{key}/{number}")
async def face_of(request: Request, key: str, number: int) -> Response:
    """A face of a photo that was sent, as a small JPEG."""
    for probe in photos_of(request).get(key).found.values():
        for face in probe.faces:
            if face.number == number:
                from PIL import Image

                made = BytesIO()
                Image.fromarray(face.crop).save(made, "JPEG", quality=85)
                return Response(made.getvalue(), media_type="image/jpeg")
    raise Refused(404, f"that photo has no face {number}")


def names_of(here: Here, collection: Collection) -> list[str]:
    """Names that a field offers: those with most faces first."""

    def made() -> list[str]:
        known = sorted(collection.people.shown(everyone=True), key=lambda one: -one.faces)
        return list(dict.fromkeys(one.name for one in known if one.name))[:COMPLETED]

    return here.kept(collection, "names", made)


async def _answered(request: Request, here: Here, asked: Asked, start: int) -> Found:
    if asked.sent:
        sent = photos_of(request).get(asked.sent)
        return await here.photo(lambda collection: _with_photo(collection, asked, sent, start))
    if asked.like:
        return await here.read(lambda collection: _alike(collection, asked, start))
    if asked.face or asked.q or asked.conditions:
        return await here.read(lambda collection: _searched(collection, asked, start))
    return await here.view(_nothing_asked)


def _searched(collection: Collection, asked: Asked, start: int) -> Found:
    """Words, a stored face, or photos that satisfy conditions."""
    wanted, k = settled(collection, asked.wanted), start + SHOWN + 1
    face = asked.id_of("face")
    if face is not None and asked.q:
        hits = collection.search_stored(face, k=MOST_FACES, wanted=wanted)
        return _said(collection, asked, wanted, start, [hit for hit in hits if not hit.itself])
    if face is not None:
        found = collection.search_stored(face, k=k, wanted=wanted)
        return _of_faces(collection, list(found), start)
    if asked.q:
        return _said(collection, asked, wanted, start)
    # By date and place as lists go, not as searches: photos without a face are there too.
    photos = collection.stored.photos(wanted, most=k)
    made = tiles.of_photos(photos[start : start + SHOWN])
    return Found(made, more=len(photos) == k)


def _said(
    collection: Collection,
    asked: Asked,
    wanted: Filter,
    start: int,
    faces: Sequence[Hit] | None = None,
) -> Found:
    hits = collection.search_texts(
        asked.q, k=start + SHOWN + 1, wanted=wanted, faces=faces, grouped=faces is None
    )
    near = [hit for hit in hits if hit.near]  # as `retrieve search` shows them
    made = tiles.of_passages(collection, near[start : start + SHOWN])
    corrected = collection.corrected(asked.q)
    return Found(made, corrected=corrected, more=len(near) > start + SHOWN)


def _of_faces(
    collection: Collection, hits: Sequence[Hit], start: int, faces: int | None = None
) -> Found:
    made = tiles.of_faces(collection, hits[start : start + SHOWN])
    return Found(made, faces, more=len(hits) > start + SHOWN)


def _with_photo(collection: Collection, asked: Asked, sent: Sent, start: int) -> Found:
    wanted = settled(collection, asked.wanted)
    probe = sent.found.get(wanted)
    if probe is None:
        probe = collection.search_faces(sent.content, k=MOST_FACES, wanted=wanted)
        sent.put(wanted, probe)
    hits = _hits_of(probe, asked.id_of("number"))
    if asked.q:
        found = _said(collection, asked, wanted, start, hits)
        return Found(found.items, len(probe.faces), found.corrected, found.more)
    if probe.faces:
        return _of_faces(collection, hits[:DEEPEST], start, len(probe.faces))
    # Without a face it may be a photo that is here, or of the same place.
    alike = collection.search_pictures(sent.content, k=start + SHOWN + 1, wanted=wanted).hits
    made = tiles.of_photos(alike[start : start + SHOWN], scored=True)
    return Found(made, 0, more=len(alike) > start + SHOWN)


def _hits_of(probe: Probe, number: int | None) -> list[Hit]:
    if number is None:
        return probe.hits
    for face in probe.faces:
        if face.number == number:
            return face.hits
    raise BadInput(f"that photo has {len(probe.faces)} faces; there is no face {number}")


def _alike(collection: Collection, asked: Asked, start: int) -> Found:
    """Photos that look like a stored one as a whole."""
    id, wanted = asked.id_of("like"), settled(collection, asked.wanted)
    assert id is not None
    k = start + SHOWN + 1
    hits = collection.search_stored_picture(id, k=k, wanted=wanted, threshold=-1.0).hits
    return Found(
        tiles.of_photos(hits[start : start + SHOWN], scored=True), more=len(hits) > start + SHOWN
    )


def _nothing_asked(collection: Collection) -> Found:
    """Somebody to begin with: those with most faces."""
    people = collection.stored.most_seen(most=STRIP, fewest=FEWEST)
    photos = collection.stored.photos(most=1)
    return Found(people=people, photos=len(photos))
