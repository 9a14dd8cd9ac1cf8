"""People and where they are → XMP, in every form in which other programs look for them.

Regions of MWG and of Microsoft; names as keywords (dc:subject), as tags below People (Lightroom,
digiKam) and as IPTC's persons. What else a packet holds stays: a region that is there already is
given the name, and keeps its area and all else that is said of it; the name that it had goes from
the lists of names, unless another region has it. What our program only thinks changes no name that
somebody gave, and is marked, lest it be read again as what somebody said.

Source: XMP specification, part 1 (ISO 16684-1), 7; see reading.py for the regions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from retrieve.documents.formats.office.xml import parse
from retrieve.errors import BadInput
from retrieve.metadata.regions import reading
from retrieve.metadata.regions.areas import (
    BETTER,
    Area,
    Region,
    Size,
    paired,
    same_shape,
    turned_size,
    upright,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "retrieve": reading.OURS.rstrip("}"),
}
_EMPTY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/" '
    b'x:xmptk="retrieve"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    b"</x:xmpmeta>"
)
PEOPLE = "People"  # below which digiKam keeps the names of faces
_BY = "retrieve:by"
_KINDS = {"digiKam:TagsList": "rdf:Seq"}  # of lists whose order counts


def _below_people(name: str, stroke: str) -> str:
    """A name as a tag; "" for one that has a stroke, which would part it in two tags."""
    return "" if set("|/") & set(name) else f"{PEOPLE}{stroke}{name}"


# Lists of persons alone, and how a name stands there.
_OF_PERSONS: dict[str, Callable[[str], str]] = {
    "lr:hierarchicalSubject": lambda name: _below_people(name, "|"),
    "digiKam:TagsList": lambda name: _below_people(name, "/"),
    "Iptc4xmpExt:PersonInImage": lambda name: name,
}


def with_people(
    packet: bytes | None, people: Sequence[Region], *, size: Size, orientation: int = 1
) -> bytes | None:
    """The XMP of a picture, in UTF-8, with the people in it; None if it says all that already.

    packet       what there is now, to be kept; None for nothing
    people       in the picture as it is stored
    size         of the stored picture
    orientation  by which it is turned to be shown
    raises       BadInput if what there is now is no XMP, or draws on a picture of another shape
    """
    document = _Document(_EMPTY if packet is None else packet)
    kinds = (_Mwg(document), _Microsoft(document))
    put = [name for kind in kinds for name in kind.put(people, size, orientation)]
    names = list(dict.fromkeys(put))
    left = {name for kind in kinds for name in kind.names()}
    for name in {name for kind in kinds for name in kind.replaced} - left:
        dropped = [document.drop(listed, wanted(name)) for listed, wanted in _OF_PERSONS.items()]
        if any(dropped):  # else a keyword of these letters may mean a town
            document.drop("dc:subject", name)
    document.add("dc:subject", names)
    for listed, wanted in _OF_PERSONS.items():
        tags = [wanted(name) for name in names]
        document.add(listed, [tag for tag in tags if tag], kind=_KINDS.get(listed, "rdf:Bag"))
    return document.written() if document.changed else None


def _q(name: str) -> str:
    """dc:subject as lxml has it."""
    prefix, _, local = name.partition(":")
    return f"{{{_SPACES[prefix]}}}{local}"


class _Document:
    """A packet whose properties are looked up and added to."""

    def __init__(self, packet: bytes) -> None:
        self.changed = False
        self._is_declared = packet.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml")
        self._root = parse(packet)
        rdf = next(self._root.iter(_q("rdf:RDF")), None)
        if rdf is None:
            raise BadInput("it is no XMP: it has no rdf:RDF")
        self._rdf = rdf
        self._own: Element | None = None

    def written(self) -> bytes:
        from lxml import etree

        if self._own is not None:
            etree.indent(self._rdf if len(self._rdf) == 1 else self._own, " ", level=1)
        tree = self._root.getroottree()
        written: bytes = etree.tostring(tree, encoding="UTF-8", xml_declaration=self._is_declared)
        return written + b"\n"

    def property(self, name: str) -> Element | None:
        """A property of the picture, if it is there as an element."""
        found = (one.find(_q(name)) for one in self._rdf.iterchildren(_q("rdf:Description")))
        return next((one for one in found if one is not None), None)

    def made(self, name: str) -> Element:
        """A new property."""
        if self._own is None:
            first = self._rdf.find(_q("rdf:Description"))
            about = "" if first is None else first.get(_q("rdf:about"), first.get("about", ""))
            spaces = {prefix: space for prefix, space in _SPACES.items() if prefix != "rdf"}
            self._own = self._below(self._rdf, "rdf:Description", spaces)
            self._own.set(_q("rdf:about"), about)
        return self._below(self._own, name)

    def add(self, name: str, values: Iterable[str], kind: str = "rdf:Bag") -> None:
        """Add to a list of texts those that it has not."""
        held = self.property(name)
        stated = self._as_attribute(name)
        listed = None if held is None else self.list_of(held)
        known = (
            [] if listed is None else [_text(item) for item in listed.iterchildren(_q("rdf:li"))]
        )
        alone = stated or [] if held is None or listed is not None else [_text(held)]
        new = [text for text in values if text not in {*known, *alone}]
        if not new:
            return
        if held is None:
            self._drop_attribute(name)
            held = self.made(name)
        if listed is None:
            held.text = None
            listed = self._below(held, kind)
            new = [text for text in alone if text.strip()] + new
        for text in new:
            self._below(listed, "rdf:li").text = _writable(text)

    def drop(self, name: str, value: str) -> bool:
        """Take a text out of a list, and say whether it was there."""
        held = self.property(name)
        listed = None if held is None else self.list_of(held)
        if listed is None or not value:
            return False
        items = [one for one in listed.iterchildren(_q("rdf:li")) if _text(one).strip() == value]
        for item in items:
            listed.remove(item)
        self.changed |= bool(items)
        return bool(items)

    def list_of(self, element: Element) -> Element | None:
        """The bag in a property, by whatever name."""
        found = (element.find(_q(f"rdf:{kind}")) for kind in ("Bag", "Seq", "Alt"))
        return next((one for one in found if one is not None), None)

    def _below(self, parent: Element, name: str, spaces: dict[str, str] | None = None) -> Element:
        from lxml import etree

        self.changed = True
        prefix = name.partition(":")[0]
        known = {**(spaces or {}), prefix: _SPACES[prefix]}
        return etree.SubElement(parent, _q(name), nsmap=known)

    below = _below

    def _as_attribute(self, name: str) -> list[str] | None:
        for one in self._rdf.iterchildren(_q("rdf:Description")):
            if (value := one.get(_q(name))) is not None:
                return [value]
        return None

    def _drop_attribute(self, name: str) -> None:
        for one in self._rdf.iterchildren(_q("rdf:Description")):
            one.attrib.pop(_q(name), None)


class _Drawn:
    """The regions of one standard in a document."""

    property_name: str
    list_name: str
    name_name: str

    def __init__(self, document: _Document) -> None:
        self.document = document
        self.replaced: list[str] = []  # names that regions have no more

    def names(self) -> list[str]:
        """That regions have now."""
        held = self.document.property(self.property_name)
        items = [] if held is None else self._items(_struct(held))
        return [_name(item) for item in items]

    def put(self, people: Sequence[Region], size: Size, orientation: int) -> list[str]:
        """Give the regions that are there their names, and draw those that are not.

        returns  the names that stand there now
        """
        held = self.document.property(self.property_name)
        struct = None if held is None else _struct(held)
        stated = None if struct is None else self.stated_size(struct)
        items = [] if struct is None else list(self._items(struct))
        known = [
            (item, area)
            for item in items
            if reading.is_face(said := _said(item))
            and (area := reading.area_of(said, stated)) is not None
        ]
        turns = [1, orientation] if orientation != 1 else [1]
        if stated is not None:
            turns = [turn for turn in turns if same_shape(stated, turned_size(size, turn))]
            if not turns:
                raise BadInput(
                    "its regions are of a picture of {:g} x {:g}, and the photo is one of "
                    "{:g} x {:g}: it was cropped since, or is another one".format(*stated, *size)
                )
        areas, pairs = _reading(people, [area for _, area in known], turns)
        names = []
        for number, region in enumerate(people):
            if number in pairs:
                if not self._name(known[pairs[number][0]][0], region):
                    continue
            else:
                if struct is None:
                    struct = self.started(size)
                item = self.draw(self._list(struct), region.name, areas[number])
                self._mark(item, region.guessed)
            names.append(region.name)
        return names

    def _items(self, struct: Element) -> Iterator[Element]:
        for regions in struct.iterchildren(_q(self.list_name)):
            listed = self.document.list_of(regions)
            if listed is not None:
                yield from (_struct(item) for item in listed.iterchildren(_q("rdf:li")))

    def _list(self, struct: Element) -> Element:
        regions = struct.find(_q(self.list_name))
        if regions is None:
            regions = self.document.below(struct, self.list_name)
        listed = self.document.list_of(regions)
        return self.document.below(regions, "rdf:Bag") if listed is None else listed

    def _name(self, item: Element, region: Region) -> bool:
        """Name a region that is there; False where somebody gave it another name than we guess."""
        name, before = " ".join(_writable(region.name).split()), _name(item)
        is_guess = _said(item).get("by") == reading.PROGRAM
        if before and not is_guess and region.guessed:
            return before == name
        if is_guess != region.guessed:
            self._mark(item, region.guessed)
        if before == name:
            return True
        if before:
            self.replaced.append(before)
        self._state(item, self.name_name, name)
        return True

    def _mark(self, item: Element, guessed: bool) -> None:
        for held in item.findall(_q(_BY)):
            item.remove(held)
            self.document.changed = True
        item.attrib.pop(_q(_BY), None)
        if guessed:
            self._state(item, _BY, reading.PROGRAM)

    def _state(self, item: Element, name: str, value: str) -> None:
        """Put a value into a structure: an attribute only where all of them are."""
        self.document.changed = True
        child = item.find(_q(name))
        short = not len(item) and item.get(_q("rdf:parseType")) is None
        if child is None and (short or item.get(_q(name)) is not None):
            item.set(_q(name), value)
            return
        if child is None:
            child = self.document.below(item, name)
        del child[:]
        child.text = value

    def stated_size(self, struct: Element) -> Size | None:
        """Of the picture that was drawn on."""
        return None

    def started(self, size: Size) -> Element:
        """A set without a region."""
        element = self.document.made(self.property_name)
        element.set(_q("rdf:parseType"), "Resource")
        return element

    def draw(self, listed: Element, name: str, area: Area) -> Element:
        """A new region."""
        raise NotImplementedError


class _Mwg(_Drawn):
    property_name, list_name, name_name = "mwg-rs:Regions", "mwg-rs:RegionList", "mwg-rs:Name"

    def stated_size(self, struct: Element) -> Size | None:
        found = struct.find(_q("mwg-rs:AppliedToDimensions"))
        return None if found is None else reading.size_of(_values(_struct(found), reading.SIZES))

    def started(self, size: Size) -> Element:
        struct = super().started(size)
        applied = self.document.below(struct, "mwg-rs:AppliedToDimensions")
        for name, value in {"w": f"{size[0]:g}", "h": f"{size[1]:g}", "unit": "pixel"}.items():
            applied.set(_q(f"stDim:{name}"), value)
        return struct

    def draw(self, listed: Element, name: str, area: Area) -> Element:
        item = self.document.below(listed, "rdf:li")
        item.set(_q("rdf:parseType"), "Resource")
        self.document.below(item, "mwg-rs:Name").text = _writable(name)
        self.document.below(item, "mwg-rs:Type").text = "Face"
        place = self.document.below(item, "mwg-rs:Area")
        left, top, right, bottom = area
        values = {"x": (left + right) / 2, "y": (top + bottom) / 2, "w": right - left}
        for key, value in {**values, "h": bottom - top}.items():
            place.set(_q(f"stArea:{key}"), _number(value))
        place.set(_q("stArea:unit"), "normalized")
        return item


class _Microsoft(_Drawn):
    property_name, list_name = "MP:RegionInfo", "MPRI:Regions"
    name_name = "MPReg:PersonDisplayName"

    def draw(self, listed: Element, name: str, area: Area) -> Element:
        item = self.document.below(listed, "rdf:li")
        item.set(_q("rdf:parseType"), "Resource")
        left, top, right, bottom = area
        self.document.below(item, "MPReg:PersonDisplayName").text = _writable(name)
        edges = (left, top, right - left, bottom - top)
        self.document.below(item, "MPReg:Rectangle").text = ", ".join(map(_number, edges))
        return item


def _reading(
    people: Sequence[Region], known: Sequence[Area], turns: Sequence[int]
) -> tuple[list[Area], dict[int, tuple[int, float]]]:
    """The areas of people as a file draws them, stored or turned, and which it has of them."""
    best: tuple[list[Area], dict[int, tuple[int, float]]] | None = None
    most = 0.0
    for turn in turns:
        areas = [upright(region.area, turn) for region in people]
        pairs = paired(areas, known)
        total = sum(iou for _, iou in pairs.values())
        if best is None or total > BETTER * most:
            best, most = (areas, pairs), total
    assert best is not None
    return best


def _struct(element: Element) -> Element:
    """What holds the fields of a structure: the element, or a description in it."""
    inner = element.find(_q("rdf:Description"))
    return element if inner is None else inner


def _name(item: Element) -> str:
    return " ".join(_said(item).get("name", "").split())


def _said(item: Element) -> dict[str, str]:
    """The values of a region, as reading.VALUES calls them."""
    said = _values(item, reading.VALUES)
    place = item.find(_q("mwg-rs:Area"))
    return said if place is None else said | _values(_struct(place), reading.VALUES)


def _values(element: Element, names: dict[str, str]) -> dict[str, str]:
    """Fields of a structure, of those that are called so, in attributes and elements."""
    held = {str(key): str(value) for key, value in element.attrib.items()}
    held |= {child.tag: _text(child) for child in element if isinstance(child.tag, str)}
    tags = ((f"{{{name}", short) for name, short in names.items())
    return {short: held[tag].strip() for tag, short in tags if tag in held}


def _text(element: Element) -> str:
    return "".join(map(str, element.itertext()))


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def _writable(text: str) -> str:
    """Without the few characters that no XML can hold."""
    return "".join(letter for letter in text if _is_writable(letter))


def _is_writable(letter: str) -> bool:
    code = ord(letter)
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )
