"""What a page says of faces and persons: names, who is one, whose a face is not; and takes back.

Each says it by the functions of `retrieve name`, `merge`, `split` and `undo`, and goes back to the
page that it came from, which offers to take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlite_utils import Database
from starlette.datastructures import FormData

from retrieve.cli.web.api.statements import MOST_FACES
from retrieve.cli.web.here import Here, HereNow
from retrieve.errors import BadInput
from retrieve.indexes.people import statements
from retrieve.indexes.people.statements import Said
from retrieve.indexes.queries.asked import LARGEST_ID

MOST_LINES = 500  # of the log, taken back at once

router = APIRouter(prefix="/say")


@router.post("/name")
async def name(request: Request, here: HereNow) -> Response:
    """A face, or a person with all their faces, is called so; an empty name takes it away."""
    async with request.form() as form:
        called, face, person = _text(form, "name"), _ids(form, "face"), _ids(form, "person")

        def change(db: Database) -> list[Said]:
            if person:
                return [statements.rename(db, person[0], called or None)]
            if not called:
                return [statements.say_nobody(db, face)]
            return [statements.say_name(db, called, face)]

        names = [called] if called else []
        return await _said(here, form, change, persons=person, names=names, faces=face)


@router.post("/merge")
async def merge(request: Request, here: HereNow) -> Response:
    """Some persons are one: the one with a name stays, else the first."""
    async with request.form() as form:
        chosen = _ids(form, "person")
        if len(chosen) < 2:
            raise BadInput(f"wanted two persons or more that are one; got {len(chosen)}")

        def change(db: Database) -> list[Said]:
            done: list[Said] = []
            stays = chosen[0]
            for other in chosen[1:]:
                done.append(statements.say_same(db, stays, other))
                stays = done[-1].person_id or stays
            return done

        return await _said(here, form, change, persons=chosen, goes_to="/people/{}")


@router.post("/not-theirs")
async def not_theirs(request: Request, here: HereNow) -> Response:
    """Some faces of a person are not theirs, and each is somebody of its own."""
    async with request.form() as form:
        person, faces = _ids(form, "person"), _ids(form, "face")
        if not (person and faces):
            raise BadInput("wanted faces that are not this person's; got none")

        def change(db: Database) -> list[Said]:
            return [statements.split(db, person[0], [face]) for face in faces]

        return await _said(here, form, change, persons=person, faces=faces)


@router.post("/not-a-face")
async def not_a_face(request: Request, here: HereNow) -> Response:
    """Some faces are none."""
    async with request.form() as form:
        faces = _ids(form, "face")
        return await _said(
            here, form, lambda db: [statements.say_not_a_face(db, faces)], faces=faces
        )


@router.post("/ignore")
async def ignore(request: Request, here: HereNow) -> Response:
    """Nobody is to be asked about a person."""
    async with request.form() as form:
        person = _ids(form, "person")
        return await _said(
            here,
            form,
            lambda db: [statements.say_ignore(db, person_ids=person)],
            persons=person,
        )


@router.post("/undo")
async def undo(request: Request, here: HereNow) -> Response:
    """Take back what was said last on a page, the last line first."""
    async with request.form() as form:
        lines = [int(one) for one in _text(form, "lines").split("-") if one.isdecimal()]
        if not 0 < len(lines) <= MOST_LINES:
            raise BadInput(f"wanted 1 to {MOST_LINES} lines to take back; got {len(lines)}")

        def change(db: Database) -> None:
            for line in sorted(lines, reverse=True):
                statements.undo(db, line)

        await here.say(change, lines=lines)
        return RedirectResponse(_back(form), 303)


async def _said(
    here: Here,
    form: FormData,
    change: Callable[[Database], Sequence[Said]],
    *,
    persons: Sequence[int] = (),
    names: Sequence[str] = (),
    faces: Sequence[int] = (),
    goes_to: str = "",
) -> Response:
    done = await here.say(change, persons=persons, names=names, faces=faces)
    lines = "-".join(str(line) for said in done for line in said.lines)
    place = goes_to.format(done[-1].person_id) if goes_to else _back(form)
    join = "&" if "?" in place else "?"
    return RedirectResponse(f"{place}{join}said={lines}" if lines else place, 303)


def _back(form: FormData) -> str:
    """Where the form came from, on this host, without what had been said before."""
    given = urlsplit(_text(form, "next").replace("\\", "/"))
    path = "/" + given.path.lstrip("/")
    rest = "&".join(part for part in given.query.split("&") if part[:5] not in ("", "said="))
    return f"{path}?{rest}" if rest else path


def _text(form: FormData, name: str) -> str:
    given = form.get(name)
    return given.strip() if isinstance(given, str) else ""


def _ids(form: FormData, name: str) -> list[int]:
    """Raises BadInput for what is no id."""
    given = [str(one) for one in form.getlist(name)]
    for one in given:
        if not (one.isascii() and one.isdecimal() and 1 <= int(one) <= LARGEST_ID):
            raise BadInput(f"wanted ids for {name}; got {one!r}")
    if len(given) > MOST_FACES:
        raise BadInput(f"wanted {MOST_FACES} ids for {name} at most; got {len(given)}")
    return list(dict.fromkeys(map(int, given)))
