"""Persons and faces as they are written on the command line → their ids.

PERSON is a name or #id; FACE is PHOTO:N, or PHOTO where it has one face. Of a name that several
have a terminal is asked which; without one the ids are listed.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieve.cli.showing import render
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from retrieve.indexes.catalog.filters import Filter
    from retrieve.indexes.catalog.persons import SharedName
    from retrieve.indexes.collection import Collection


def person(opened: Collection, text: str) -> int:
    """The person who is meant; raises BadInput for nobody, SharedName where nobody can be asked."""
    from retrieve.indexes.catalog.persons import SharedName

    try:
        return opened.person_id(text)
    except SharedName as shared:
        return which(shared)


def which(shared: SharedName) -> int:
    """The one of several of a name who is meant; raises it where no terminal can be asked."""
    import typer

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise shared
    ids = [one.id for one, _ in shared.persons]
    for one, told in shared.persons:
        render.note(f"#{one.id}  {one.shown}: {told}")
    while True:
        given = typer.prompt(f"Which {shared.name}", prompt_suffix=" (#id)? ", err=True)
        number = str(given).strip().removeprefix("#")
        if number.isdecimal() and int(number) in ids:
            return int(number)
        render.note(f"wanted one of {', '.join(f'#{id}' for id in ids)}")


def named(opened: Collection, wanted: Filter) -> Filter:
    """Conditions in which each name is one person's, where nobody can be asked.

    raises  BadInput for a person whom nobody named, SharedName for a name of several
    """
    if not wanted.persons:
        return wanted
    return replace(wanted, persons=tuple(f"#{opened.person_id(name)}" for name in wanted.persons))


def settled(opened: Collection, wanted: Filter) -> Filter:
    """Conditions in which each name is one person's; asks and raises as person()."""
    if not wanted.persons:
        return wanted
    return replace(wanted, persons=tuple(f"#{person(opened, name)}" for name in wanted.persons))


def no_cluster(collection: Path, instead: str) -> None:
    """Raise BadInput for a cluster, of which a command cannot be asked.

    instead  what to do, with {0} for the cluster's folder
    """
    from retrieve.indexes.cluster.manifest import is_cluster

    if is_cluster(collection):
        raise BadInput(
            f"{collection} is a cluster; this wants one collection. {instead.format(collection)}"
        )
