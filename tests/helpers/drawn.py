"""XMP with regions, as programs write it."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
}


def packet(properties: str, attributes: str = "") -> bytes:
    """A packet of one description with these properties."""
    spaces = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {spaces}><rdf:Description rdf:about="" '
        f"{attributes}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def mwg(
    *people: tuple[str, tuple[float, float, float, float]],
    size: tuple[int, int] | None = (400, 300),
    more: str = "",
) -> str:
    """Names, and areas by middle, width and height, as Lightroom writes them.

    more  items as they are
    """
    items = "".join(
        f'<rdf:li><rdf:Description mwg-rs:Name={quoteattr(name)} mwg-rs:Type="Face"><mwg-rs:Area '
        f'stArea:x="{x}" stArea:y="{y}" stArea:w="{w}" stArea:h="{h}" stArea:unit="normalized"/>'
        "</rdf:Description></rdf:li>"
        for name, (x, y, w, h) in people
    )
    return _mwg(items + more, size)


def _mwg(items: str, size: tuple[int, int] | None) -> str:
    applied = ""
    if size is not None:
        values = f'stDim:w="{size[0]}" stDim:h="{size[1]}" stDim:unit="pixel"'
        applied = f"<mwg-rs:AppliedToDimensions {values}/>"
    return (
        f'<mwg-rs:Regions rdf:parseType="Resource">{applied}<mwg-rs:RegionList><rdf:Bag>{items}'
        "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    )


def microsoft(people: Iterable[tuple[str, str]]) -> str:
    """Names and rectangles."""
    items = "".join(
        f'<rdf:li rdf:parseType="Resource" ><MPReg:PersonDisplayName>{name}'
        f"</MPReg:PersonDisplayName><MPReg:Rectangle>{rectangle}</MPReg:Rectangle></rdf:li>"
        for name, rectangle in people
    )
    return (
        "<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag>"
        f"{items}</rdf:Bag></MPRI:Regions></rdf:Description></MP:RegionInfo>"
    )
