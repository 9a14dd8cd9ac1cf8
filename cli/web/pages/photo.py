"""A photo with all that is known of it, and a text with its passages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from retrieve.cli.web.here import HereNow
from retrieve.cli.web.pages.search import names_of
from retrieve.cli.web.parts import tiles
from retrieve.cli.web.parts.tiles import Mark, Tile
from retrieve.cli.web.rendering import is_part, render
from retrieve.indexes.browsing import SeenPhoto, SeenText
from retrieve.indexes.catalog.passages import StoredPassage
from retrieve.indexes.collection import Collection
from retrieve.indexes.queries.asked import LARGEST_ID
from retrieve.types import PictureHit

AROUND = 6  # photos taken before and after
PASSAGES, BEFORE = 100, 5  # of a part of a text; before one that was found

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of a photo shows."""

    seen: SeenPhoto
    marks: list[Mark]
    before: PictureHit | None
    after: PictureHit | None
    around: list[Tile]
    has_looks: bool
    names: list[str]


@router.get("/photos/{id}")
async def photo(request: Request, here: HereNow, id: Id) -> Response:
    """The photo, its faces and whose they are, its labels, and those around it in time."""

    def look(collection: Collection) -> Shown:
        stored = collection.stored
        seen = stored.photo(id)
        before, after = stored.neighbours(id, most=AROUND)
        every = [*before, seen.photo, *after]
        return Shown(
            seen,
            [tiles.mark_of(one.face.id, one.face.number, one.face.face.box) for one in seen.faces],  # type: ignore[arg-type]
            before[-1] if before else None,
            after[0] if after else None,
            tiles.of_photos(every) if len(every) > 1 else [],
            stored.has_looks(id),
            names_of(here, collection),
        )

    return render(request, "photo.html", shown=await here.view(look))


@router.get("/texts/{id}")
async def text(
    request: Request,
    here: HereNow,
    id: Id,
    start: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    at: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
) -> Response:
    """A text, passage after passage, in parts.

    at  the id of a passage that is to be there, with a few before it
    """

    def look(collection: Collection) -> tuple[SeenText, list[StoredPassage]]:
        return collection.stored.text(id), collection.stored.passages(id)

    seen, passages = await here.view(look)
    if at:
        place = next((i for i, one in enumerate(passages) if one.id == at), 0)
        start = max(place - BEFORE, 0)
    some = passages[start : start + PASSAGES]
    after = start + PASSAGES if len(passages) > start + PASSAGES else 0
    template = "_passages.html" if is_part(request) else "text.html"
    return render(request, template, seen=seen, passages=some, start=start, after=after)
