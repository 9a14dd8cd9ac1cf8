"""/persons: who is in the photos, named or not, their faces, and what is worth asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from retrieve.cli.showing.people.asking import asked_json
from retrieve.cli.showing.people.listing import member_json, person_json
from retrieve.cli.web.api import shapes, telling
from retrieve.cli.web.api.telling import Cursor, Id, Most
from retrieve.cli.web.here import Here, HereNow
from retrieve.indexes.browsing import NotStored
from retrieve.indexes.collection import Collection
from retrieve.indexes.people.listing import Listed

router = APIRouter(tags=["persons"], responses=telling.PROBLEMS)


@router.get("/persons", responses={200: {"model": shapes.Persons}})
async def persons(
    request: Request,
    here: HereNow,
    unnamed: Annotated[bool, Query(description="Only those without a name.")] = False,
    everyone: Annotated[
        bool, Query(description="Those of fewer than three faces and ignored ones, too.")
    ] = False,
    most: Most = 50,
    cursor: Cursor = None,
) -> Response:
    """Those with a name by name, then the others by how many faces they have."""
    start = (telling.after(cursor, int) or [0])[0]

    def look(collection: Collection) -> dict[str, Any]:
        every = here.kept(
            collection,
            ("persons", unnamed, everyone),
            lambda: [one.id for one in collection.people.shown(unnamed=unnamed, everyone=everyone)],
        )
        some = every[start : start + most]
        shown = [person_json(one) for one in some_of(here, collection, some)]
        more = len(every) > start + most
        return {"persons": shown, "next": telling.to_cursor([start + most]) if more else None}

    return await telling.told(request, here, look)


@router.get("/persons/questions", responses={200: {"model": shapes.Questions}})
async def questions(request: Request, here: HereNow, most: Most = 10) -> Response:
    """Pairs of persons who may be one: the answer is said by POST /statements."""

    def look(collection: Collection) -> dict[str, Any]:
        found = collection.people.questions(most=most)
        return {"questions": [asked_json(one) for one in found]}

    return await telling.told(request, here, look)


@router.get("/persons/{id}", responses={200: {"model": shapes.PersonShape}})
async def person(request: Request, here: HereNow, id: Id) -> Response:
    """One person: how many faces in how many photos, from when to when."""
    return await telling.told(
        request, here, lambda collection: person_json(one_of(here, collection, id))
    )


@router.get("/persons/{id}/faces", responses={200: {"model": shapes.Members}})
async def faces(
    request: Request, here: HereNow, id: Id, most: Most = 100, cursor: Cursor = None
) -> Response:
    """All faces of a person, the best first."""
    start = (telling.after(cursor, int) or [0])[0]

    def look(collection: Collection) -> dict[str, Any]:
        members = one_of(here, collection, id).members
        more = len(members) > start + most
        return {
            "faces": [member_json(one) for one in members[start : start + most]],
            "next": telling.to_cursor([start + most]) if more else None,
        }

    return await telling.told(request, here, look)


def listed(collection: Collection, id: int) -> Listed:
    """A person with all their faces; raises NotStored if there is none of that id."""
    return _found(collection.people.listing(only=[id]), id)


def some_of(here: Here, collection: Collection, ids: Sequence[int]) -> list[Listed]:
    """Persons with all their faces, in order; those whom there are."""
    here.once("people", collection.people.check)
    return collection.people.listing(only=ids, checked=True) if ids else []


def one_of(here: Here, collection: Collection, id: int) -> Listed:
    """One of them; raises NotStored if there is none of that id."""
    return _found(some_of(here, collection, [id]), id)


def _found(found: list[Listed], id: int) -> Listed:
    if not found:
        raise NotStored(f"nobody has the number #{id}. Who there is: retrieve people --all")
    return found[0]
