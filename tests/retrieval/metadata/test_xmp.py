from __future__ import annotations

import pytest

from retrieve.errors import BadInput
from retrieve.metadata.places import xmp_place
from retrieve.metadata.xmp import extended, read_xmp

PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- written by a program --><?adobe-x y?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<!-- pdf:Title is aliased -->
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
 xmp:CreateDate="2020-01-02T03:04:05Z" xmp:ModifyDate="2024-01-01">
<dc:subject><rdf:Bag><rdf:li>ni\u00f1o <!-- said --> azul</rdf:li><?x?></rdf:Bag></dc:subject>
<photoshop:DateCreated>1978-06-24</photoshop:DateCreated>
<exif:GPSLatitude>41,39.378N</exif:GPSLatitude><exif:GPSLongitude>0,52,38W</exif:GPSLongitude>
<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description dc:format="image/jpeg">
<dc:title>Otra foto</dc:title></rdf:Description></rdf:li></rdf:Bag></xmpMM:Pantry>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("after", ["", '<?xpacket end="w"?>', "  /rdf:li></x:xmpmeta><x", "\0\0"])
@pytest.mark.parametrize(
    "before",
    ["", "\ufeff", '<?xml version="1.0" encoding="UTF-16"?>', "\n <?xpacket begin='\ufeff'?>"],
)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_a_packet_is_read_in_every_encoding_whatever_surrounds_it(encoding, before, after):
    said = read_xmp((before + PACKET + after).encode(encoding))
    assert said.keywords == ["niño azul"]
    assert said.titles == []
    assert said.taken_at == "1978-06-24"
    assert said.taken_in == pytest.approx((41.6563, -0.877222), abs=1e-6)


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("41,39.378N", "0,52.6S", None),
        ("41,39,22N", "0,52,38W", (41.656111, -0.877222)),
        ("41.6563", "-0.8772", (41.6563, -0.8772)),  # icloudpd
        ("-0.5", "-78.5", (-0.5, -78.5)),
        ("0", "0", None),
        ("41,39", "0,52", (41.65, 0.866667)),
        ("north", "0,52W", None),
        ("91N", "5E", None),
    ],
)
def test_a_place_is_degrees_with_or_without_minutes(latitude, longitude, expected):
    assert xmp_place(latitude, longitude) == (expected and pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<x:xmpmeta", "damaged XML"),
        (b"", "damaged XML"),
        (b'<!DOCTYPE x [<!ENTITY a "aa">]><x>&a;</x>', "document type"),
        (b"<a>" * 500, "more than 128 elements"),
    ],
)
def test_what_is_no_packet_is_refused_with_a_reason(content, reason):
    with pytest.raises(BadInput, match=reason):
        read_xmp(content)


def _segment(guid, size, offset, body):
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid
    return head + size.to_bytes(4, "big") + offset.to_bytes(4, "big") + body


def test_an_extension_is_put_together_in_its_order():
    packet, guid = PACKET.encode(), b"0" * 32
    parts = [_segment(guid, len(packet), 300, packet[300:])]
    parts += [_segment(guid, len(packet), 0, packet[:300]), b"Exif\0\0"]
    parts += [_segment(b"1" * 32, 5, 0, b"other")]  # of a packet that was replaced
    assert extended(b'HasExtendedXMP="' + guid, parts) == packet
    assert extended(b"", parts) == b""
    with pytest.raises(BadInput, match="missing"):
        extended(b'HasExtendedXMP="' + guid, parts[1:])
