from __future__ import annotations

import json
import struct

import pytest
from PIL import ExifTags, Image

from retrieve.descriptions import describe
from retrieve.metadata.iptc import read_iptc

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-'
    b'rdf-syntax-ns#"><rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" exif:DateTimeOriginal="2002-02-02T02:02:02">'
    b"<dc:subject>azul</dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
)
TAKEOUT = {
    "title": "a.jpg",
    "photoTakenTime": {"timestamp": "-237081600", "formatted": "28 jun 1962, 0:00:00 UTC"},
    "geoData": {"latitude": 0.0, "longitude": 0.0},
    "geoDataExif": {"latitude": 42.57, "longitude": -0.55},
}


def _dataset(record, number, value):
    return b"\x1c" + bytes((record, number)) + struct.pack(">H", len(value)) + value


IPTC = _dataset(2, 55, b"20040404") + _dataset(2, 60, b"040404+0100")


def _photo(path, *, exif=None, iptc=b"", **options):
    tags = Image.Exif()
    for name, value in (exif or {}).items():
        tag = ExifTags.Base[name]
        target = tags if tag == ExifTags.Base.DateTime else tags.get_ifd(ExifTags.IFD.Exif)
        target[tag] = value
    Image.new("RGB", (8, 8)).save(path, exif=tags, **options)
    if iptc:
        block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
        body = b"Photoshop 3.0\0" + block
        content = path.read_bytes()
        segment = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
        path.write_bytes(content[:2] + segment + content[2:])
    return path


def test_dates_count_in_the_order_of_what_they_mean_and_an_edit_never_does(tmp_path):
    edited = {"DateTime": "2023:01:02 03:04:05"}
    taken = {"DateTimeOriginal": "2001:01:01 01:01:01", **edited}
    path = tmp_path / "a.jpg"
    beside = tmp_path / "a.jpg.json"
    beside.write_text(json.dumps(TAKEOUT))
    assert describe(_photo(path, exif=taken, xmp=XMP, iptc=IPTC)).taken_at == "2001-01-01T01:01:01"
    assert describe(_photo(path, exif=edited, xmp=XMP, iptc=IPTC)).taken_at == "2002-02-02T02:02:02"
    assert describe(_photo(path, exif=edited, iptc=IPTC)).taken_at == "2004-04-04T04:04:04"
    assert describe(_photo(path, exif=edited)).taken_at == "1962-06-28T00:00:00"
    beside.unlink()
    assert describe(path).taken_at is None
    scanned = {"DateTimeDigitized": "2010:10:10 10:10:10", **edited}
    assert describe(_photo(path, exif=scanned)).taken_at == "2010-10-10T10:10:10"


@pytest.mark.parametrize(
    ("changes", "taken_at", "place"),
    [
        ({}, "1962-06-28T00:00:00", (42.57, -0.55)),
        ({"geoData": {"latitude": 41.65, "longitude": -0.88}}, ..., (41.65, -0.88)),
        ({"geoDataExif": None}, ..., None),
        ({"geoDataExif": {"latitude": "x", "longitude": 1}}, ..., None),
        ({"geoDataExif": {"latitude": 1e999, "longitude": 1}}, ..., None),
        ({"photoTakenTime": {"timestamp": "0"}}, None, ...),
        (
            {"photoTakenTime": {"timestamp": "267580800", "formatted": "24 jun 1978, 0:00:00 UTC"}},
            "1978-06-24",  # the timestamp says the 25th
            ...,
        ),
        (
            {
                "photoTakenTime": {
                    "timestamp": "1598955072",
                    "formatted": "Sep 1, 2020, 10:11:12 AM UTC",
                }
            },
            "2020-09-01T10:11:12",
            ...,
        ),
        (
            {
                "photoTakenTime": {
                    "timestamp": "1598955072",
                    "formatted": "1 wrz 2020, 10:11:12 UTC",
                }
            },
            "2020-09-01T10:11:12",
            ...,
        ),
        ({"photoTakenTime": {"timestamp": "9" * 30}}, None, ...),
        ({"photoTakenTime": {"timestamp": None}}, None, ...),
        ({"photoTakenTime": "1962"}, None, ...),
    ],
)
def test_takeout_states_date_and_place(tmp_path, changes, taken_at, place):
    path = _photo(tmp_path / "a.jpg")
    (tmp_path / "a.jpg.json").write_text(json.dumps({**TAKEOUT, **changes}))
    found = describe(path)
    assert found.warnings == ()
    assert found.taken_at == ("1962-06-28T00:00:00" if taken_at is ... else taken_at)
    assert found.place == ((42.57, -0.55) if place is ... else place)


def test_empty_datasets_of_iptc_are_ignored():
    block = _dataset(2, 5, b"") + _dataset(2, 120, b"La cosecha") + _dataset(2, 25, b"")
    said = read_iptc(block + _dataset(2, 25, b"trigo") + b"\x1c\x02")
    assert (said.titles, said.captions, said.keywords) == ([], ["La cosecha"], ["trigo"])


@pytest.mark.parametrize("block", ["xmp", "iptc", "exif"])
def test_each_block_fails_alone_and_says_so(tmp_path, monkeypatch, block):
    def fail(_):
        raise ZeroDivisionError("of a library")

    monkeypatch.setattr(f"retrieve.descriptions.read_{block}", fail)
    iptc = IPTC + _dataset(2, 25, b"verde")
    path = _photo(tmp_path / "a.jpg", exif={"UserComment": b"ASCII\0\0\0Rojo"}, xmp=XMP, iptc=iptc)
    found = describe(path)
    assert found.warnings == (
        f"its {block.upper()} says nothing: its reader failed: ZeroDivisionError (of a library)",
    )
    words = " ".join(passage.text for passage in found.passages)
    expected = {"xmp": "azul", "iptc": "verde", "exif": "Rojo"}
    assert [name for name, word in expected.items() if word not in words] == [block]


def test_a_sidecar_of_any_make_is_a_warning_at_worst(tmp_path, monkeypatch):
    def fail(_):
        raise KeyError("x")

    monkeypatch.setattr("retrieve.descriptions.read_sidecar", fail)
    path = _photo(tmp_path / "a.jpg", xmp=XMP)
    (tmp_path / "a.txt").write_text("Llovió.")
    found = describe(path)
    assert found.warnings == ("a.txt says nothing: its reader failed: KeyError ('x')",)
    assert found.passages[0].text == "azul"
