"""Everyone, and one person: faces, photos, and the audit, which shows the least alike first."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from retrieve.cli.web.api.persons import listed
from retrieve.cli.web.here import HereNow
from retrieve.cli.web.pages.search import names_of
from retrieve.cli.web.parts import tiles
from retrieve.cli.web.rendering import is_part, render
from retrieve.indexes.collection import Collection
from retrieve.indexes.people.listing import Listed, Member
from retrieve.indexes.queries.asked import LARGEST_ID

SHOWN = 60  # persons or photos of a part
AUDITED = 100  # faces on one page, those that are least like the others

Start = Annotated[int, Query(ge=0, le=LARGEST_ID)]
Sort = Literal["number", "seen", "name"]
View = Literal["photos", "faces", "audit"]

router = APIRouter()


@router.get("/people")
async def people(
    request: Request, here: HereNow, sort: Sort = "number", everyone: bool = False, start: Start = 0
) -> Response:
    """Everyone: those with most faces first, or those who were seen last, or by name."""

    def look(collection: Collection) -> list[Listed]:
        return here.kept(
            collection,
            ("people of the page", everyone),
            lambda: collection.people.listing(everyone=everyone),
        )

    every = sorted(await here.view(look), key=lambda one: _order(one, sort))
    shown = every[start : start + SHOWN]
    after = start + SHOWN if len(every) > start + SHOWN else 0
    template = "_people.html" if is_part(request) else "people.html"
    return render(
        request,
        template,
        people=shown,
        count=len(every),
        sort=sort,
        everyone=everyone,
        after=after,
    )


@router.get("/people/{id}")
async def person(
    request: Request,
    here: HereNow,
    id: Annotated[int, Path(ge=1, le=LARGEST_ID)],
    view: View = "photos",
    start: Start = 0,
) -> Response:
    """One person: their photos, their faces, or the faces that may not be theirs."""

    def look(collection: Collection) -> dict[str, Any]:
        one = listed(collection, id)
        found: dict[str, Any] = {"one": one, "names": names_of(here, collection)}
        if view == "audit":
            by_id = {member.face_id: member for member in one.members}
            doubted = collection.people.doubted(id, most=AUDITED)
            items: list[tuple[Member, float | None]] = [
                (by_id[face], score) for face, score in doubted if face in by_id
            ]
            return found | {"items": items, "after": 0}
        after = start + SHOWN if len(one.members) > start + SHOWN else 0
        part = one.members[start : start + SHOWN]
        if view == "photos":
            newest = sorted(one.members, key=lambda member: member.taken_at or "", reverse=True)
            part = newest[start : start + SHOWN]
            return found | {"items": tiles.of_members(collection, part), "after": after}
        return found | {"items": [(member, None) for member in part], "after": after}

    shown = await here.view(look)
    template = "_person.html" if is_part(request) else "person.html"
    return render(request, template, view=view, **shown)


def _order(one: Listed, sort: Sort) -> tuple[object, ...]:
    person = one.person
    if sort == "name":
        return person.name is None, (person.name or "").casefold(), person.id
    if sort == "seen":
        return tuple(-ord(letter) for letter in one.last or "!"), person.id
    return -person.faces, person.id
