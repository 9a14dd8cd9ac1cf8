"""XMP (ISO 16684-1), embedded or beside a photo: Dublin Core, IPTC, Lightroom, digiKam, regions.

A packet is read as a stream up to the end of its root: what follows is what a longer one left
there. Comments and instructions are no content, and a document type is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.parsers import expat

from retrieve.documents.encoding import decode
from retrieve.errors import BadInput
from retrieve.metadata.dates import When
from retrieve.metadata.places import Where, xmp_place
from retrieve.metadata.regions.reading import Reader
from retrieve.metadata.said import Said

MAX_BYTES = 1 << 24  # of a packet: it holds no pictures but small ones
_DEPTH = 128  # of elements; XMP has some ten

_DC = "http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/}"
_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_EXIF = "http://ns.adobe.com/exif/1.0/}"
_XMP = "http://ns.adobe.com/xap/1.0/}"
_XMP_MM = "http://ns.adobe.com/xap/1.0/mm/}"

_TITLES = {f"{_DC}title", f"{_PHOTOSHOP}Headline"}
_CAPTIONS = {
    f"{_DC}description",
    f"{_CORE}AltTextAccessibility",
    f"{_CORE}ExtDescrAccessibility",
    f"{_EXIF}UserComment",
    "http://ns.adobe.com/tiff/1.0/}ImageDescription",
}
_KEYWORDS = {
    f"{_DC}subject",
    "http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject",
    "http://www.digikam.org/ns/1.0/}TagsList",
    "http://ns.microsoft.com/photo/1.0}LastKeywordXMP",
    "http://ns.microsoft.com/photo/1.0/}LastKeywordXMP",
    "http://ns.microsoft.com/photo/1.2/t/Region#}PersonDisplayName",
    "http://www.metadataworkinggroup.com/schemas/regions/}Name",
}
# Places, people and events are names: kept whole, whatever strokes they hold.
_NAMES = {
    *(f"{_PHOTOSHOP}{name}" for name in ("City", "State", "Country")),
    f"{_CORE}Location",
    *(f"{_EXT}{name}" for name in ("Sublocation", "City", "ProvinceState", "CountryName")),
    *(f"{_EXT}{name}" for name in ("LocationName", "PersonInImage", "PersonName", "Event")),
}
_DATES = {
    f"{_EXIF}DateTimeOriginal": When.XMP_ORIGINAL,
    f"{_PHOTOSHOP}DateCreated": When.XMP_CREATED,
    f"{_XMP}CreateDate": When.XMP_DIGITISED,
    f"{_EXIF}DateTimeDigitized": When.XMP_DIGITISED,
}
_LATITUDE, _LONGITUDE = f"{_EXIF}GPSLatitude", f"{_EXIF}GPSLongitude"
_TAKEN = {*_TITLES, *_CAPTIONS, *_KEYWORDS, *_NAMES, *_DATES, _LATITUDE, _LONGITUDE}
# What these hold was said of other pictures, of which this one was made, or of its making.
_OTHERS = {f"{_XMP_MM}{name}" for name in ("Pantry", "Ingredients", "DerivedFrom", "History")}

# Which bytes of the first four are zero tells the width and order of the characters.
_WIDE = {
    (b"\0\0\0", 0): "utf-32-be",
    (b"\0\0\0", 1): "utf-32-le",
    (b"\0", 0): "utf-16-be",
    (b"\0", 1): "utf-16-le",
}
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_GUID_BYTES = 32


def read_xmp(content: bytes) -> Said:
    """Titles, captions in every language, keywords, names of places and of people, date, place,
    and who is where.

    content  in UTF-8, UTF-16 or UTF-32, with or without what surrounds and follows the root
    raises   BadInput if it is no XML, or XML that declares a document type
    """
    if len(content) > MAX_BYTES:
        raise BadInput(f"larger than {MAX_BYTES >> 20} MiB")
    packet = _Packet()
    packet.read(_decoded(content))
    said = packet.said
    said.regions += packet.drawn.found
    if packet.latitude and packet.longitude:
        said.place(Where.XMP, xmp_place(packet.latitude, packet.longitude))
    return said


def extended(xmp: bytes, segments: Iterable[bytes]) -> bytes:
    """The second packet of a JPEG whose first had no room for all; b"" without one.

    segments  contents of its APP1
    raises    BadInput if a part of it is missing

    Source: XMP specification, part 3 (Adobe 2020), 1.1.3.1
    """
    parts: dict[int, bytes] = {}
    size = 0
    for segment in segments:
        if not segment.startswith(_EXTENSION):
            continue
        head, body = segment[len(_EXTENSION) :][: _GUID_BYTES + 8], segment[len(_EXTENSION) + 40 :]
        if head[:_GUID_BYTES] and head[:_GUID_BYTES] in xmp:  # else what another program left
            size = int.from_bytes(head[32:36], "big")
            parts[int.from_bytes(head[36:40], "big")] = body
    whole = b"".join(parts[offset] for offset in sorted(parts))
    if len(whole) != size:
        raise BadInput("a part of its extension is missing")
    return whole


def _decoded(content: bytes) -> str:
    """The packet as text; an XML declaration's encoding counts where the bytes show none."""
    for mark, encoding in (
        (b"\0\0\xfe\xff", "utf-32-be"),
        (b"\xff\xfe\0\0", "utf-32-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xff\xfe", "utf-16-le"),
    ):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    start = content.find(b"<")
    for width in (4, 2):
        for (zeros, after), encoding in _WIDE.items():
            if len(zeros) != width - 1 or start < 0:
                continue
            sign = b"<" + zeros if after else zeros + b"<"
            at = start if after else start - len(zeros)
            # Two signs of it: a single zero may be what a packet is filled up with.
            if at >= 0 and content[at : at + width] == sign and _is_wide(content, at, width, after):
                return content[at:].decode(encoding, "replace")
    content = content.strip(b"\0 \t\r\n")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return decode(content)[0]


def _is_wide(content: bytes, at: int, width: int, after: int) -> bool:
    following = content[at + width : at + 2 * width]
    zeros = following[1:] if after else following[:-1]
    return len(following) == width and zeros == bytes(width - 1)


class _Done(Exception):
    """The root has ended."""


class _Packet:
    """One packet, read from its root's start to its end.

    A property is an element, whose texts may stand in items inside it, or for short an
    attribute of the element that holds it.
    """

    def __init__(self) -> None:
        self.said = Said()
        self.drawn = Reader()
        self.latitude = self.longitude = ""
        self._open: list[str] = []  # names of the elements around, outermost first
        self._taking: list[str] = []  # of them, those that say something
        self._others = 0  # how many elements around are of other pictures
        self._text: list[str] = []

    def read(self, text: str) -> None:
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(text.lstrip("\ufeff\0 \t\r\n"), True)
        except _Done:
            pass
        except expat.ExpatError as error:
            raise BadInput(f"damaged XML: {error}") from error

    def _doctype(self, *_: object) -> None:
        raise BadInput("its XML declares a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._flush()
        if len(self._open) >= _DEPTH:
            raise BadInput(f"damaged XML: more than {_DEPTH} elements in one another")
        self._open.append(name)
        self._others += name in _OTHERS
        if name in _TAKEN:
            self._taking.append(name)
        self.drawn.start(name, {} if self._others else attributes)
        if not self._others:
            for attribute, value in attributes.items():
                if attribute in _TAKEN:
                    self._take(attribute, value)

    def _end(self, name: str) -> None:
        self._flush()
        self._open.pop()
        self.drawn.end()
        self._others -= name in _OTHERS
        if name in _TAKEN:
            self._taking.pop()
        if not self._open:
            raise _Done

    def _flush(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if text.strip() and not self._others:
            self.drawn.text(text)
            for name in dict.fromkeys(self._taking):
                self._take(name, text)

    def _take(self, name: str, text: str) -> None:
        said = self.said
        if name in _TITLES:
            said.title(text)
        elif name in _CAPTIONS:
            said.caption(text)
        elif name in _KEYWORDS:
            said.keyword(text)
        elif name in _NAMES:
            said.name(text)
        elif name in _DATES:
            said.date(_DATES[name], text)
        elif name == _LATITUDE:
            self.latitude = self.latitude or text
        elif name == _LONGITUDE:
            self.longitude = self.longitude or text
