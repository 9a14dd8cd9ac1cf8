"""XMP (ISO 16684-1), embedded or beside a photo: Dublin Core, IPTC, Lightroom, digiKam, regions."""

from __future__ import annotations

from retrieve.documents.formats.office.xml import parse
from retrieve.metadata.said import Said

_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_CORE = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
_EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"

_TITLES = {f"{_DC}title", f"{_PHOTOSHOP}Headline"}
_CAPTIONS = {
    f"{_DC}description",
    f"{_CORE}AltTextAccessibility",
    f"{_CORE}ExtDescrAccessibility",
    "{http://ns.adobe.com/exif/1.0/}UserComment",
    "{http://ns.adobe.com/tiff/1.0/}ImageDescription",
}
_KEYWORDS = {
    f"{_DC}subject",
    "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject",
    "{http://www.digikam.org/ns/1.0/}TagsList",
    "{http://ns.microsoft.com/photo/1.0}LastKeywordXMP",
    "{http://ns.microsoft.com/photo/1.0/}LastKeywordXMP",
    "{http://ns.microsoft.com/photo/1.2/t/Region#}PersonDisplayName",
    "{http://www.metadataworkinggroup.com/schemas/regions/}Name",
}
# Places, people and events are names: kept whole, whatever strokes they hold.
_NAMES = {
    *(f"{_PHOTOSHOP}{name}" for name in ("City", "State", "Country")),
    f"{_CORE}Location",
    *(f"{_EXT}{name}" for name in ("Sublocation", "City", "ProvinceState", "CountryName")),
    *(f"{_EXT}{name}" for name in ("LocationName", "PersonInImage", "PersonName", "Event")),
}


def read_xmp(content: bytes) -> Said:
    """Titles, captions in every language, keywords, names of places and of people.

    raises  BadInput if it is no XML, or XML that declares a document type
    """
    said = Said()
    takers = (
        (_TITLES, said.title),
        (_CAPTIONS, said.caption),
        (_KEYWORDS, said.keyword),
        (_NAMES, said.name),
    )
    for element in parse(content.strip(b"\0 \t\r\n")).iter():
        # A property is an element, or for short an attribute of the one that holds it.
        found = [(element.tag, list(element.itertext())), *((n, [v]) for n, v in element.items())]
        for name, texts in found:
            for names, take in takers:
                if name in names:
                    for text in texts:
                        take(text)
    return said
