"""Everyone, as a table with pictures, as JSON, and as a page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from retrieve.cache import replacing
from retrieve.cli.showing import render
from retrieve.cli.showing.render import address, printable, seen_from, shown
from retrieve.cli.showing.terminal.rows import Column, Rows
from retrieve.visible import visible

if TYPE_CHECKING:
    from retrieve.cli.showing.terminal.pictures import Pictures
    from retrieve.indexes.people.listing import Listed, Member

TEMPLATE = Path(__file__).with_name("people.html")
DATE = 10  # characters of a date without its time

Picture = Callable[[int], bytes]


def people_table(
    found: Sequence[Listed], picture: Picture, pictures: Pictures | None = None
) -> None:
    """One person a line, with their best face where it can be drawn."""
    table = Rows(
        [
            *([Column("", picture=pictures.columns)] if pictures else []),
            Column("name", folds=True),
            Column("faces", right=True),
            Column("photos", right=True),
            Column("taken"),
        ]
    )
    for one in found:
        best = [pictures.of(picture(face.face_id)) for face in one.members[:1] if pictures]
        table.add(
            *(best or ([Text()] if pictures else [])),
            printable(one.person.shown) + (" (ignored)" if one.person.ignored else ""),
            str(one.person.faces),
            str(one.person.photos),
            span(one),
        )
    render.show(table)


def span(one: Listed) -> str:
    """From when to when somebody is seen."""
    first, last = ((date or "")[:DATE] for date in (one.first, one.last))
    return first if first == last else f"{first} to {last}"


def people_json(found: Sequence[Listed]) -> None:
    """One object a line for each person, with all their faces."""
    for one in found:
        render.as_json(person_json(one) | {"members": [member_json(face) for face in one.members]})


def person_json(one: Listed) -> dict[str, Any]:
    """The fields of a person, without their faces."""
    return {
        "person_id": one.person.id,
        "name": one.person.name,
        "faces": one.person.faces,
        "photos": one.person.photos,
        "first": one.first,
        "last": one.last,
    }


def member_json(member: Member) -> dict[str, Any]:
    """The fields of one face of a person."""
    return {
        "face_id": member.face_id,
        "path": shown(member.path),
        "face": member.number,
        "box": [round(corner, 2) for corner in member.box],
        "quality": round(member.quality, 4),
        "by": member.by,
    }


def write_people(
    page: Path, found: Sequence[Listed], picture: Picture, *, noted_in: Path | None = None
) -> None:
    """Write a page with a picture of every face; it needs no other file.

    noted_in  as cache.replacing() wants it
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    rows = [_row(one, picture, page) for one in found]
    with replacing(page.absolute(), noted_in=noted_in) as part:
        part.write_text(template.render(people=rows), encoding="utf-8")


def _row(one: Listed, picture: Picture, page: Path) -> dict[str, Any]:
    return {
        "name": visible(one.person.shown),
        "id": one.person.id,
        "ignored": one.person.ignored,
        "faces": one.person.faces,
        "photos": one.person.photos,
        "span": span(one),
        "members": [
            {
                "picture": "data:image/jpeg;base64,"
                + base64.b64encode(picture(member.face_id)).decode(),
                "address": address(member.path, page),
                "path": visible(shown(seen_from(page, member.path))),
                "title": visible(f"{shown(Path(member.path.name))}, face {member.number}"),
                "date": (member.taken_at or "")[:DATE],
                "by": member.by,
                "face_id": member.face_id,
            }
            for member in one.members
        ],
    }
