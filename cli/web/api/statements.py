"""/statements: what people say of faces, and what they take back.

What is answered is on the disk. A program that sends `If-Match` with the ETag of what it has read
is told 409 if somebody has said something of faces since, or they were grouped anew.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlite_utils import Database

from retrieve.cli.showing.people.said import outcome_json, statement_json
from retrieve.cli.web.api import shapes, telling
from retrieve.cli.web.api.telling import Cursor, Most
from retrieve.cli.web.errors import Json, Refused
from retrieve.cli.web.here import HereNow
from retrieve.errors import BadInput
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import statements, wording
from retrieve.indexes.people.statements import Said
from retrieve.indexes.queries.asked import LARGEST_ID

MOST_FACES = 10_000  # of one statement

Number = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Numbers = Annotated[list[Number], Field(max_length=MOST_FACES)]


class Statement(BaseModel):
    """Something to say of faces; which fields count depends on `kind`, as its names say.

    name        the person of `face_ids`, or `person_id`, is called `name`; null takes it away
    whose       `face_ids` are of `person_id`
    same        `person_id` and `other_id` are one
    not-same    they are two
    split       `face_ids` are somebody else than `person_id`
    not-a-face  `face_ids` are none
    ignore      nobody asks about `person_id`, or whose `face_ids` are
    undo        the statements `ids` are taken back, or the last one
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["name", "whose", "same", "not-same", "split", "not-a-face", "ignore", "undo"]
    name: Annotated[str, Field(max_length=1000)] | None = None
    face_ids: Numbers = []
    person_id: Number | None = None
    other_id: Number | None = None
    new: bool = Field(default=False, description="Another person, though somebody has that name.")
    ids: Numbers = []


EXAMPLES = {
    "name": {"summary": "a name", "value": {"kind": "name", "name": "Ana", "face_ids": [1]}},
    "split": {"summary": "not hers", "value": {"kind": "split", "person_id": 1, "face_ids": [3]}},
    "undo": {"summary": "the last one taken back", "value": {"kind": "undo"}},
}

router = APIRouter(tags=["statements"], responses=telling.PROBLEMS)


@router.get("/statements", responses={200: {"model": shapes.Statements}})
async def history(
    request: Request,
    here: HereNow,
    person_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
    most: Most = 50,
    cursor: Cursor = None,
) -> Response:
    """What was said of faces, of all or of one person, the newest first."""
    last = telling.after(cursor, int)

    def look(collection: Collection) -> dict[str, Any]:
        with collection.people.looking(every=True) as db:
            every = reversed(statements.history(db, person_id))
            found = [one for one in every if last is None or one[0].id < last[0]][: most + 1]
            told = telling.part("statements", found, most, lambda one: [one[0].id])
            words = [wording.said(db, line) for line, *_ in told["statements"]]
        shown = zip(told["statements"], words, strict=True)
        rows = [statement_json(line, counts, holds, said) for (line, counts, holds), said in shown]
        return told | {"statements": rows}

    return await telling.told(request, here, look)


@router.post(
    "/statements", responses={200: {"model": shapes.Outcome | shapes.TakenBack}}, status_code=200
)
async def say(
    here: HereNow,
    said: Annotated[Statement, Body(openapi_examples=EXAMPLES)],
    if_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """Say something, or take it back; it holds at once, and is in `retrieve history`."""

    def change(collection: Collection) -> tuple[dict[str, Any], str]:
        now = collection.generation().people
        known = None if if_match is None else telling.tags(if_match)
        if known is not None and not any(tag == "*" or _of_people(tag) == now for tag in known):
            raise Refused(
                409, "who is who has changed since that was read: read it again, and say it anew"
            )
        # Told before anybody else can say something: it is of what was said here.
        told = spoken(collection, said)
        return told, telling.etag(collection)

    told, tag = await here.write(change)
    return Json(told, headers={"etag": tag})


def spoken(collection: Collection, said: Statement) -> dict[str, Any]:
    """Let it hold, and tell what became of it."""
    if said.kind == "undo":
        wanted: list[int | None] = [*said.ids] or [None]
        with collection.people.saying(lines=wanted) as db:
            done = [statements.undo(db, id) for id in wanted]
            lines = [{"taken_back": line.id, "said": wording.said(db, line)} for line in done]
        return {"taken_back": lines}
    persons = [id for id in (said.person_id, said.other_id) if id is not None]
    names = [] if said.name is None else [said.name]
    with collection.people.saying(persons=persons, names=names, faces=said.face_ids) as db:
        outcome = _said(db, said)
    return outcome_json(outcome)


def _said(db: Database, said: Statement) -> Said:
    faces = said.face_ids
    match said.kind:
        case "name":
            return _named(db, said)
        case "whose":
            return statements.say_whose(db, _person(said), _faces(said))
        case "same":
            return statements.say_same(db, _person(said), _other(said))
        case "not-same":
            return statements.say_not_same(db, _person(said), _other(said))
        case "split":
            return statements.split(db, _person(said), faces)
        case "not-a-face":
            return statements.say_not_a_face(db, faces)
        case _:
            if said.person_id is None and not faces:
                raise BadInput("wanted person_id or face_ids to ignore; got none of them")
            people = [] if said.person_id is None else [said.person_id]
            return statements.say_ignore(db, person_ids=people, face_ids=faces)


def _named(db: Database, said: Statement) -> Said:
    name = said.name
    if said.person_id is not None and said.face_ids:
        raise BadInput("wanted person_id or face_ids to name; got both")
    if said.person_id is not None:
        return statements.rename(db, said.person_id, name, new=said.new)
    if name is None:
        return statements.say_nobody(db, _faces(said))
    return statements.say_name(db, name, _faces(said), new=said.new)


def _person(said: Statement) -> int:
    if said.person_id is None:
        raise BadInput(f"wanted person_id to say {said.kind!r}; got none")
    return said.person_id


def _other(said: Statement) -> int:
    if said.other_id is None:
        raise BadInput(f"wanted other_id to say {said.kind!r}; got none")
    return said.other_id


def _faces(said: Statement) -> list[int]:
    if not said.face_ids:
        raise BadInput(f"wanted face_ids to say {said.kind!r}; got none")
    return said.face_ids


def _of_people(tag: str) -> str:
    """The part of an ETag that tells who is who."""
    return tag.strip('"').partition("-")[0]
