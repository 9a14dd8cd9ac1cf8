"""Points of a map → groups with a name and a colour."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.cli.showing.render import shown

if TYPE_CHECKING:
    from retrieve.indexes.maps import Item

# The most frequent groups have these; they stay apart for people who see red and green alike
# (after Tol 2021, "Colour schemes"), and on white as on black.
COLOURS = [
    "#4477aa",
    "#ee6677",
    "#228833",
    "#ccbb44",
    "#66bbdd",
    "#aa3377",
    "#ee8833",
    "#009988",
    "#885522",
]
GREY = "#999999"
REST = "others"


class ColourBy(StrEnum):
    """What the colour of a point tells."""

    PERSON = "person"
    FILE = "file"
    FOLDER = "folder"
    YEAR = "year"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Group:
    """Points of one colour.

    points  how many
    """

    name: str
    colour: str
    points: int


def grouped(items: Sequence[Item], by: ColourBy) -> tuple[list[Group], list[int]]:
    """The groups, largest first but years in their order, and of each item the number of its group.

    Items of which that is not known are a grey group, and so are those of small groups for
    which no colour is left.
    """
    if by is ColourBy.NOTHING:
        return [Group("", COLOURS[0], len(items))], [0] * len(items)
    read, unknown = _READERS[by]
    keys = _shortened([read(item) for item in items], by)
    counts = Counter(key for key in keys if key is not None)
    # As most_common(), but groups of one size stand in the order of their names.
    coloured = sorted(counts, key=lambda key: (-counts[key], key))[: len(COLOURS)]
    if by is ColourBy.YEAR:
        coloured.sort()
    groups = [Group(key, COLOURS[i], counts[key]) for i, key in enumerate(coloured)]
    rest = sum(counts.values()) - sum(group.points for group in groups)
    place = {key: i for i, key in enumerate(coloured)}
    if rest:
        place |= dict.fromkeys(counts.keys() - place.keys(), len(groups))
        groups.append(Group(REST, GREY, rest))
    if None in keys:
        groups.append(Group(unknown, GREY, keys.count(None)))
    return groups, [len(groups) - 1 if key is None else place[key] for key in keys]


def _shortened(keys: Sequence[str | None], by: ColourBy) -> list[str | None]:
    """Files and folders without the folder that all of them lie in."""
    known = {key for key in keys if key is not None}
    if by not in (ColourBy.FILE, ColourBy.FOLDER) or not known:
        return list(keys)
    common = Path(os.path.commonpath(Path(key).parent for key in known))
    return [None if key is None else str(Path(key).relative_to(common)) for key in keys]


def usual(items: Sequence[Item]) -> ColourBy:
    """By person where there are names, else by folder, or by nothing where there are no files."""
    if any(item.person is not None for item in items):
        return ColourBy.PERSON
    has_files = any(item.path is not None for item in items)
    return ColourBy.FOLDER if has_files else ColourBy.NOTHING


_READERS: dict[ColourBy, tuple[Callable[[Item], str | None], str]] = {
    ColourBy.PERSON: (lambda item: item.person, "no name"),
    ColourBy.FILE: (lambda item: None if item.path is None else shown(item.path), "no file"),
    ColourBy.FOLDER: (
        lambda item: None if item.path is None else shown(item.path.parent),
        "no file",
    ),
    ColourBy.YEAR: (lambda item: item.taken_at and item.taken_at[:4], "no date"),
}
