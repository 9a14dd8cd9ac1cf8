"""retrieve name"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.exits import BadUsage
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing import render
from retrieve.cli.showing.people import said
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from sqlite_utils import Database

    from retrieve.indexes.collection import Collection
    from retrieve.indexes.people.statements import Said


def name(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME] PHOTO[:FACE]...",
            help="The name, or #id of somebody, and indexed photos; of a photo with several faces "
            "also which one.",
        ),
    ] = None,
    face_id: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="A face by the id that --json shows. Repeatable."),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(
            metavar="OLD",
            help="This person, by name or #id, who is called NAME from now.",
            autocompletion=completing.persons,
        ),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="It is another person, though somebody has that name.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take names away; then no NAME is given.")
    ] = False,
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the person of some faces is called, or take the name away.

    A face names its person: all faces that are thought to be theirs come along,
    and how many is told. A name that somebody has joins them, but for --new. What
    was said before and does not hold any more is told; `retrieve undo` takes it
    back. Case and accents do not tell names apart.

    Example: retrieve name Ana album/beach.jpg album/party.jpg:2

    Example: retrieve name Ana --person '#12'
    """
    from retrieve.indexes.catalog import persons
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.people import naming, statements

    called, photos = (None, given or []) if remove else (_first(given), (given or [])[1:])
    if not (photos or face_id or person):
        raise BadUsage("wanted faces to name: PHOTO, PHOTO:FACE, --face-id ID or --person OLD")
    with open_collection(collection, engine=engine) as opened:
        old = choosing.person(opened, person) if person else None
        target = _target(opened, called, new=new, old=old)
        about = [id for id in (old, target) if id is not None]
        names = [called] if called is not None else []
        asked = opened.people.saying(persons=about, names=names, faces=face_id or (), photos=photos)
        with asked as db:
            faces = [naming.face_id(db, text) for text in photos] + (face_id or [])
            if called is None:
                without = len({*faces, *(persons.faces_of(db, f"#{old}") if old else [])})
                notes = [statements.say_nobody(db, faces)] if faces else []
                notes += [statements.rename(db, old, None)] if old else []
                if as_json:
                    lines = [line for one in notes for line in one.lines]
                    render.as_json({"faces": without, "name": None, "lines": lines})
                    return
                render.line(f"{said.count(without)} without a name now")
                for one in notes:
                    said.remarks(one)
                return
            was = _called_before(db, faces, old)
            outcome = None
            if old is not None:
                outcome = _renamed(db, old, called, target, new=new)
                target = outcome.person_id
            if faces and target is not None:
                outcome = statements.say_whose(db, target, faces)
            elif faces:
                outcome = statements.say_name(db, called, faces, new=new)
    assert outcome is not None
    said.outcome(outcome, as_json=as_json, was=was)


def _called_before(db: Database, faces: list[int], old: int | None) -> list[str]:
    """The names that some faces, or a person, have now."""
    from retrieve.indexes.catalog.database import among

    query = (
        "SELECT DISTINCT name FROM persons JOIN faces ON faces.person_id = persons.id "
        "WHERE name IS NOT NULL AND faces.id"
    )
    names = [name for (name,) in among(db, query, faces)]
    if old is not None:
        names += [name for (name,) in db.execute("SELECT name FROM persons WHERE id = ?", [old])]
    return sorted({name for name in names if name is not None})


def _target(opened: Collection, called: str | None, *, new: bool, old: int | None) -> int | None:
    """The person who is meant by a number or a name of several; None where a name will do."""
    from retrieve.indexes.catalog.persons import NUMBERED, SharedName, person, same_name

    if called is None or new:
        return None
    if old is not None and not NUMBERED.fullmatch(called):
        with opened.people.looking(persons=[old]) as db:
            now = person(db, old).name
        if now is not None and same_name(now, called):
            return None  # the same name, written anew
    try:
        id = opened.person_id(called)
    except SharedName as shared:
        return choosing.which(shared)
    except BadInput:
        if NUMBERED.fullmatch(called):
            raise
        return None
    return id if NUMBERED.fullmatch(called) else None


def _renamed(db: Database, old: int, called: str, target: int | None, *, new: bool) -> Said:
    from retrieve.indexes.people import statements

    if target is not None:
        return statements.say_same(db, target, old)
    return statements.rename(db, old, called, new=new)


def _first(given: list[str] | None) -> str:
    if not given:
        raise BadUsage("wanted a name and faces, as: retrieve name Ana photo.jpg")
    return given[0]
