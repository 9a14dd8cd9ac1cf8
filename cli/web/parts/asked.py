"""What a page of search is asked for, as its address has it: every search is a link.

/?q=boda&person=Ana&since=1950    words, with conditions
/?sent=KEY&q=playa                a photo that was sent, and words
/?face=12    /?like=3             faces like a stored one; photos that look like one
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fastapi import Request

from retrieve.cli.web.filters import LONGEST
from retrieve.errors import BadInput
from retrieve.indexes.catalog.filters import Filter, near_from
from retrieve.indexes.queries.asked import LARGEST_ID

SEVERAL = ("folder", "person")
MOST_OF_ONE = 50  # folders, persons
NUMBERS = ("face", "like", "number")


@dataclass(frozen=True, slots=True)
class Asked:
    """Its fields, as they stand in the address; "" and () for what is not asked for.

    q       words
    sent    key of a photo that was sent (sent.py); number is the face of it that is meant
    face    id of a stored face
    like    id of a stored photo
    """

    q: str = ""
    sent: str = ""
    number: str = ""
    face: str = ""
    like: str = ""
    since: str = ""
    until: str = ""
    near: str = ""
    folder: tuple[str, ...] = ()
    person: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """By name, without what is empty."""
        every = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in every.items() if value}

    @property
    def conditions(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Each condition: its name, its value, and the values of the address without it."""
        return list(self._conditions())

    def _conditions(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name in ("person", "since", "until", "folder", "near"):
            value = getattr(self, name)
            for one in value if name in SEVERAL else filter(None, [value]):
                rest = [other for other in value if other != one] if name in SEVERAL else ""
                yield name, one, {**self.values, name: rest}

    @property
    def wanted(self) -> Filter:
        """Its conditions; raises BadInput for a date or place that is none."""
        return Filter(
            self.since or None,
            self.until or None,
            tuple(Path(one) for one in self.folder),
            self.person,
            near=near_from(self.near) if self.near else None,
        )

    def id_of(self, name: str) -> int | None:
        """A number of the address; raises BadInput for what is none."""
        given = getattr(self, name)
        if not given:
            return None
        if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= LARGEST_ID):
            raise BadInput(f"wanted a number from 1 on for {name}; got {given!r}")
        return int(given)


def asked_of(request: Request) -> Asked:
    """What an address asks for; fields of a form that were left empty are none.

    raises  BadInput for what is longer than anybody writes
    """
    given: dict[str, Any] = {}
    for one in fields(Asked):
        values = [value.strip() for value in request.query_params.getlist(one.name)]
        values = [value for value in values if value]
        if any(len(value) > LONGEST for value in values):
            raise BadInput(f"wanted {LONGEST} characters of {one.name} at most; got more")
        if one.name in SEVERAL:
            given[one.name] = tuple(dict.fromkeys(values))
            if len(given[one.name]) > MOST_OF_ONE:
                raise BadInput(f"wanted {MOST_OF_ONE} of {one.name} at most; got more")
        elif values:
            given[one.name] = values[-1]
    return Asked(**given)
