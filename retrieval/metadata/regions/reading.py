"""Regions in XMP as two standards write them, and programs vary them.

MWG (digiKam, Lightroom, Picasa): areas by their middle, rectangles or circles, in shares of the
picture or in its pixels. Microsoft (Photo Gallery, digiKam): rectangles by their upper left corner.

Source: Metadata Working Group 2010, "Guidelines for Handling Image Metadata", 5.9; Microsoft 2009,
"People Tagging Overview".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from retrieve.metadata.regions.areas import Area, Region, Regions, Size, as_area

MWG = "http://www.metadataworkinggroup.com/schemas/regions/}"
MP = "http://ns.microsoft.com/photo/1.2/}"
MP_INFO = "http://ns.microsoft.com/photo/1.2/t/RegionInfo#}"
MP_REGION = "http://ns.microsoft.com/photo/1.2/t/Region#}"
OURS = "urn:retrieve:xmp:1.0#}"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
AREA = "http://ns.adobe.com/xmp/sType/Area#}"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#}"

_SETS = {f"{MWG}Regions", f"{MP}RegionInfo"}
_LISTS = {f"{MWG}RegionList", f"{MP_INFO}Regions"}
_EXTENSIONS = f"{MWG}Extensions"  # of any content
_AREAS = {AREA, "http://ns.adobe.com/xap/1.0/sType/Area#}"}
VALUES = {
    f"{MWG}Name": "name",
    f"{MWG}Type": "type",
    **{f"{space}{name}": name for space in _AREAS for name in ("x", "y", "w", "h", "d", "unit")},
    f"{MP_REGION}PersonDisplayName": "name",
    f"{MP_REGION}Rectangle": "rectangle",
    f"{OURS}by": "by",
}
SIZES = {f"{DIMENSIONS}w": "w", f"{DIMENSIONS}h": "h"}
FACE = "face"  # the type of region that is a person
PROGRAM = "program"  # by which a region was named that nobody has confirmed
_NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?")


class Reader:
    """Takes the elements of a packet one by one, and keeps what is drawn."""

    def __init__(self) -> None:
        self.found: list[Regions] = []
        self._open: list[str] = []
        self._from = 0  # how many elements are around a set
        self._item_from = 0  # and around a region; 0 outside
        self._extensions = 0
        self._size: dict[str, str] = {}
        self._item: dict[str, str] = {}
        self._regions: list[dict[str, str]] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        if not self._from:
            if name in _SETS:
                self._from = len(self._open)
                self._size, self._regions = {}, []
            else:
                return
        self._extensions += name == _EXTENSIONS
        # A region is an item of a list that stands in the set: list, bag, item.
        if name == f"{RDF}li" and not self._item_from and set(self._open[-3:]) & _LISTS:
            self._item_from, self._item = len(self._open), {}
        for attribute, value in attributes.items():
            self._take(attribute, value)

    def text(self, text: str) -> None:
        """What stands directly in the element that was opened last and is not closed."""
        if self._from and self._open and text.strip():
            self._take(self._open[-1], text)

    def end(self) -> None:
        depth, name = len(self._open), self._open.pop()
        if not self._from:
            return
        self._extensions -= name == _EXTENSIONS
        if depth == self._item_from:
            self._regions.append(self._item)
            self._item_from = 0
        if depth == self._from:
            self._from = 0
            size = size_of(self._size)
            read = (_region(item, size) for item in self._regions)
            regions = tuple(region for region in read if region is not None)
            if regions:
                self.found.append(Regions(regions, size))

    def _take(self, name: str, text: str) -> None:
        if self._extensions:
            return
        if self._item_from:
            if name in VALUES:
                self._item.setdefault(VALUES[name], text.strip())
        elif name in SIZES:
            self._size.setdefault(SIZES[name], text.strip())


def size_of(said: Mapping[str, str]) -> Size | None:
    """The size that AppliedToDimensions states, as SIZES calls its values."""
    width, height = _number(said.get("w")), _number(said.get("h"))
    return None if not width or not height or min(width, height) <= 0 else (width, height)


def _region(said: Mapping[str, str], size: Size | None) -> Region | None:
    """None for what is no person, has no name, or no area that can be used."""
    name = " ".join(said.get("name", "").split())
    if not name or not is_face(said):
        return None
    area = area_of(said, size)
    return None if area is None else Region(name, area, said.get("by") == PROGRAM)


def is_face(said: Mapping[str, str]) -> bool:
    """Whether a region is of a person, and not of a pet or what was focused on."""
    return said.get("type", FACE).lower() == FACE


def area_of(said: Mapping[str, str], size: Size | None) -> Area | None:
    """The area that a region's values state, as VALUES calls them; None if that is none.

    By its middle a rectangle, a circle or a point, or Microsoft's rectangle.
    size  of the picture that was drawn on, where it is told
    """
    if "rectangle" in said:
        return _rectangle(said["rectangle"])
    x, y, w, h, d = (_number(said.get(key)) for key in ("x", "y", "w", "h", "d"))
    if x is None or y is None:
        return None
    pixels = said.get("unit", "").lower().startswith("pixel")
    if pixels and size is None:
        return None
    if w is None or h is None:
        w = h = d or 0.0
        if d and not pixels and size is not None:  # in shares of the shorter side
            w, h = d * min(size) / size[0], d * min(size) / size[1]
    if pixels and size is not None:
        x, y, w, h = x / size[0], y / size[1], w / size[0], h / size[1]
    return as_area(x - w / 2, y - h / 2, x + w / 2, y + h / 2)


def _rectangle(text: str) -> Area | None:
    """Left, top, width and height between commas; a comma may be in the numbers too."""
    parts = text.split(",")
    if len(parts) == 8:  # 0,25, 0,1, ...
        parts = [f"{whole}.{rest}" for whole, rest in zip(parts[::2], parts[1::2], strict=True)]
    numbers = [number for part in parts if (number := _number(part)) is not None]
    if len(numbers) != 4 or len(parts) != 4:
        return None
    x, y, w, h = numbers
    return as_area(x, y, x + w, y + h)


def _number(text: str | None) -> float | None:
    found = None if text is None else _NUMBER.fullmatch(text.strip())
    return None if found is None else float(found[0].replace(",", "."))
