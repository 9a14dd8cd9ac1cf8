"""Regions that other programs wrote into files → what is said of the faces there.

A region on which no face was found stays what it is without one: a name among the keywords.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.persons import NUMBERED, checked_name
from retrieve.indexes.people.statements import say_regions
from retrieve.metadata.regions.areas import Regions, matched


class Drawn(Protocol):
    """What is drawn on a photo: describing.Said."""

    @property
    def regions(self) -> tuple[Regions, ...]: ...

    @property
    def orientation(self) -> int: ...


def say(db: Database, drawn: Iterable[tuple[int, Drawn]]) -> int:
    """Let the faces that regions are drawn around have their names; inside a write transaction.

    drawn    of contents, by id
    returns  how many faces got a name that they had not

    A name in a file never overrides what a person said here (statements.say_regions).
    """
    names: dict[int, str] = {}
    for content_id, said in drawn:
        for face, name in named(db, content_id, said.regions, said.orientation).items():
            names.setdefault(face, name)  # of two copies with files beside them
    return say_regions(db, names)


def named(
    db: Database, content_id: int, drawn: Sequence[Regions], orientation: int = 1
) -> dict[int, str]:
    """The names that regions give to the faces of a photo, by the faces' ids.

    Sources count in their order: the first one that names a face does. What our own program
    guessed and wrote is nobody's word.
    """
    photo = db.execute("SELECT width, height FROM contents WHERE id = ?", [content_id]).fetchone()
    faces = db.execute(
        "SELECT id, x1, y1, x2, y2 FROM faces WHERE content_id = ? ORDER BY number", [content_id]
    ).fetchall()
    if photo is None or not faces or not all(photo):
        return {}
    width, height = photo
    areas = [(x1 / width, y1 / height, x2 / width, y2 / height) for _, x1, y1, x2, y2 in faces]
    found: dict[int, str] = {}
    for one in drawn:
        pairs = matched(one, areas, size=(width, height), orientation=orientation)
        for number, region in sorted(pairs.items()):
            if not region.guessed and (name := _name(region.name)) is not None:
                found.setdefault(faces[number][0], name)
    return found


def _name(text: str) -> str | None:
    """As it is kept; None for what is no name here."""
    try:
        name = checked_name(text)
    except BadInput:
        return None
    return None if NUMBERED.fullmatch(name) else name
