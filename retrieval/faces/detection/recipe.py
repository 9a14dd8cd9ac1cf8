"""How photos are searched for faces, around a detector and in it: what a collection records.

Other sizes find other faces, so a collection keeps the recipe that it was made with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from retrieve.errors import CollectionError

KEY = "recipe"  # beside the names of the networks, where a collection says what made it


@dataclass(frozen=True, slots=True)
class Recipe:
    """How photos are searched for faces, whatever the detector.

    photo_px  long side in which a photo is searched first
    tile_px   side of the tiles, of shrunk pixels, in which large and long photos are searched
              again; 0 searches in none
    percent   of the photo's sides that tiles have: a face of 60 px in the file has 24 in them
    turn_px   long side in which a photo without an upright face is tried turned; 0 tries none
    edition   of the settings of our own detectors
    """

    photo_px: int = 1024
    tile_px: int = 0
    percent: int = 40
    turn_px: int = 0
    edition: int = 1

    def turning(self, turns: bool) -> Recipe:
        """The same with turns or without."""
        return replace(self, turn_px=(self.turn_px or DEFAULT.turn_px) if turns else 0)

    def __str__(self) -> str:
        """As a collection records it."""
        return " ".join(f"{one.name}={getattr(self, one.name)}" for one in fields(self))


FIRST = Recipe()  # of every collection that records none
DEFAULT = Recipe(tile_px=448, turn_px=384, edition=2)


def read_recipe(text: str | None) -> Recipe:
    """The recipe that a collection records; FIRST where it records none.

    raises  CollectionError for one that only a newer version can follow
    """
    if text is None:
        return FIRST
    pairs = re.findall(r"(\S+)=(\d+)(?!\S)", text)
    known = {one.name for one in fields(Recipe)}
    values = {name: int(value) for name, value in pairs if name in known}
    if len(values) != len(text.split()) or values.get("edition", 1) > DEFAULT.edition:
        raise CollectionError(
            f"wanted a way of searching for faces that this version knows; the collection was made "
            f"with {text!r}. Upgrade: pip install --upgrade retrieve"
        )
    return Recipe(**values)


def without_recipe(made_by: Mapping[str, str]) -> dict[str, str]:
    """What decides whether vectors can be compared: the networks alone."""
    return {name: value for name, value in made_by.items() if name != KEY}
