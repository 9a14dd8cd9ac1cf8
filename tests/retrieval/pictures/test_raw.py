from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from retrieve import photos
from retrieve.descriptions import describe
from retrieve.photos import BadPhoto, decode
from retrieve.pictures import raw

COLOUR = (200, 40, 90)


def _jpeg(width, height, colour=COLOUR):
    buffer = BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


class _Tiff:
    """A TIFF that is put together directory by directory."""

    def __init__(self, order="<", head=None):
        self.order = order
        self.content = bytearray(head or (b"II*\0" if order == "<" else b"MM\0*") + bytes(4))

    def blob(self, content):
        at = len(self.content)
        self.content += content + bytes(len(content) % 2)
        return at

    def directory(self, following=0, **tags):
        """SHORT for tags whose names begin with s, LONG with l, ASCII with a, BYTE with b."""
        entries = []
        for name, value in sorted(tags.items(), key=lambda item: int(item[0][1:])):
            kind = {"s": 3, "l": 4, "a": 2, "b": 1}[name[0]]
            if kind in (1, 2):
                packed, number = value, len(value)
            else:
                values = value if isinstance(value, tuple) else (value,)
                letter = {3: "H", 4: "I"}[kind]
                packed = struct.pack(f"{self.order}{len(values)}{letter}", *values)
                number = len(values)
            if len(packed) > 4:
                packed = struct.pack(self.order + "I", self.blob(packed))
            tag = int(name[1:])
            entries.append(
                struct.pack(self.order + "HHI", tag, kind, number) + packed.ljust(4, b"\0")
            )
        body = struct.pack(self.order + "H", len(entries)) + b"".join(entries)
        return self.blob(body + struct.pack(self.order + "I", following))

    def done(self, first):
        self.content[4:8] = struct.pack(self.order + "I", first)
        return bytes(self.content)


def _thumbnail(tiff, **tags):
    """Tags of an uncompressed picture of 64 x 48."""
    strip = tiff.blob(bytes((9, 9, 9)) * 64 * 48)
    own = {"l254": 1, "s256": 64, "s257": 48, "s258": (8, 8, 8), "s259": 1, "s262": 2}
    return {**own, "l273": strip, "s277": 3, "s278": 48, "l279": 64 * 48 * 3, **tags}


def _sensor(width, height):
    """Tags of raw data that nobody here develops."""
    return {"s256": width, "s257": height, "s259": 7, "s262": 32803, "l273": 8, "l279": 4}


def _dng(order, *, turned=1):
    tiff = _Tiff(order)
    jpeg = _jpeg(1200, 900)
    preview = tiff.directory(
        l254=1, s256=1200, s257=900, s259=7, s262=6, l273=tiff.blob(jpeg), l279=len(jpeg)
    )
    sensor = tiff.directory(l254=0, **_sensor(4000, 3000))
    exif = tiff.directory(a36867=b"2019:07:21 18:03:00\0")
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a xmlns:dc="http://purl.org/dc/elements/1.1/">'
        b"<dc:title>La boda</dc:title></a></x:xmpmeta>"
    )
    main = _thumbnail(tiff, s274=turned, l330=(sensor, preview), l34665=exif, b50706=b"\1\4\0\0")
    return tiff.done(tiff.directory(**main, b700=xmp))


def _nef():
    """Its preview is named by offset and length, like a thumbnail of EXIF."""
    tiff = _Tiff(">")
    jpeg = _jpeg(1200, 900)
    preview = tiff.directory(l254=1, s259=6, l513=tiff.blob(jpeg), l514=len(jpeg))
    sensor = tiff.directory(**_sensor(4000, 3000))
    return tiff.done(tiff.directory(**_thumbnail(tiff, l330=(preview, sensor))))


def _cr2():
    """Its first directory holds the picture, its last one raw data in lossless JPEG."""
    tiff = _Tiff("<", b"II*\0" + bytes(4) + b"CR\2\0" + bytes(4))
    jpeg, small = _jpeg(1200, 900), _jpeg(160, 120)
    lossless = b"\xff\xd8\xff\xc3\0\x0e\x0c\x10\0\x10\0\x02\0\x11\0\1\x11\0\xff\xd9"
    last = tiff.directory(s259=6, l273=tiff.blob(lossless), l279=len(lossless))
    second = tiff.directory(last, l513=tiff.blob(small), l514=len(small))
    whole = {"s256": 1200, "s257": 900, "s259": 6, "l273": tiff.blob(jpeg), "l279": len(jpeg)}
    return tiff.done(tiff.directory(second, **whole))


def _pef():
    """Its first directory is of raw data; the picture is the third of the chain."""
    tiff = _Tiff(">")
    jpeg, small = _jpeg(1200, 900), _jpeg(160, 120)
    third = tiff.directory(l513=tiff.blob(jpeg), l514=len(jpeg))
    second = tiff.directory(third, l513=tiff.blob(small), l514=len(small))
    return tiff.done(tiff.directory(second, **_sensor(4000, 3000)))


def _orf():
    """Olympus's signature; its preview stands in a maker's note, which no tag names here."""
    tiff = _Tiff("<", b"IIRO" + bytes(4))
    tiff.blob(b"note" * 3 + _jpeg(1200, 900))
    return tiff.done(tiff.directory(**_sensor(4000, 3000)))


def _rw2():
    tiff = _Tiff("<", b"IIU\0" + bytes(4))
    return tiff.done(tiff.directory(b46=_jpeg(1200, 900), **_sensor(4000, 3000)))


def _raf():
    jpeg = _jpeg(1200, 900)
    head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0")
    return head + struct.pack(">II", 100, len(jpeg)) + bytes(8) + jpeg + bytes(500)


def _box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _cr3(*, turned=1, wide=True, preview=None, sample=None):
    """The picture is the sample of a track; two smaller ones, EXIF in pieces, and XMP."""
    first, details, jpeg = _Tiff(), _Tiff(), sample or _jpeg(1200, 900)
    boxes = [
        _box(b"CMT1", first.done(first.directory(s274=turned))),
        _box(b"CMT2", details.done(details.directory(a36867=b"2019:07:21 18:03:00\0"))),
        _box(b"THMB", struct.pack(">I2HI2H", 0, 160, 120, 0, 1, 0), _jpeg(160, 120)),
    ]
    prvw = _box(b"PRVW", struct.pack(">I4HI", 0, 1, 800, 600, 1, 0), preview or _jpeg(800, 600))
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a xmlns:dc="http://purl.org/dc/elements/1.1/">'
        b"<dc:title>La boda</dc:title></a></x:xmpmeta>"
    )

    def uuid(name, *content):
        return _box(b"uuid", bytes.fromhex(name), *content)

    def track(at, length):
        entry = _box(b"CRAW", bytes(24), struct.pack(">2H", 4000, 3000), bytes(54))
        chunks = struct.pack(">IIQ" if wide else ">III", 0, 1, at)
        stbl = _box(
            b"stbl",
            _box(b"stsd", struct.pack(">II", 0, 1), entry),
            _box(b"stsz", struct.pack(">4I", 0, 0, 1, length)),
            _box(b"co64" if wide else b"stco", chunks),
        )
        return _box(b"trak", _box(b"mdia", _box(b"minf", stbl)))

    def whole(at):
        own = uuid("85c0b687820f11e08111f4ce462b6a48", *boxes)
        return b"".join(
            [
                _box(b"ftyp", b"crx ", bytes(4), b"crx isom"),
                _box(b"moov", own, track(at, len(jpeg)), track(at + len(jpeg), 4)),
                uuid("be7acfcb97a942e89c71999491e3afac", xmp),
                uuid("eaf42b5e1c984b88b9fbb7dc406e4d16", bytes(8), prvw),
            ]
        )

    return whole(len(whole(0)) + 8) + _box(b"mdat", jpeg, b"\xff\x01\0\0")


@pytest.mark.parametrize(
    "content",
    [
        _dng("<"),
        _dng(">"),
        _nef(),
        _cr2(),
        _cr3(),
        _cr3(wide=False),
        _pef(),
        _orf(),
        _rw2(),
        _raf(),
    ],
    ids=["dng", "dng-big-endian", "nef", "cr2", "cr3", "cr3-32", "pef", "orf", "rw2", "raf"],
)
def test_the_largest_picture_inside_is_read(content):
    photo = decode(content, long_side_px=None)
    assert photo.size == (900, 1200)
    assert photo.warnings == ()
    assert_allclose(np.median(photo.pixels, axis=(0, 1)), COLOUR, atol=3)


@pytest.mark.parametrize(
    "make", [lambda turned: _dng("<", turned=turned), lambda turned: _cr3(turned=turned)]
)
def test_the_raw_file_says_how_to_turn_it_and_when_and_what(tmp_path, make):
    path = tmp_path / "IMG_1.raw"
    path.write_bytes(make(turned=6))
    assert photos.read(path).size == (1200, 900)
    found = describe(path)
    assert found.taken_at == photos.read(path).taken_at == "2019-07-21T18:03:00"
    assert [passage.text for passage in found.passages] == ["La boda"]


def test_a_large_picture_without_jpeg_is_read():
    tiff = _Tiff()
    pixels = np.full((600, 1100, 3), COLOUR, np.uint8).tobytes()
    large = {"s256": 1100, "s257": 600, "s258": (8, 8, 8), "s259": 1, "s262": 2, "s277": 3}
    large |= {"l273": tiff.blob(pixels), "s278": 600, "l279": len(pixels)}
    main = _thumbnail(tiff, l330=tiff.directory(**large))
    photo = decode(tiff.done(tiff.directory(**main)))
    assert photo.size == (600, 1100)
    assert (photo.pixels[0, 0] == COLOUR).all()


def test_a_thumbnail_alone_is_used_with_a_warning():
    tiff = _Tiff()
    sensor = tiff.directory(**_sensor(4000, 3000))
    content = tiff.done(tiff.directory(**_thumbnail(tiff, l330=sensor)))
    photo = decode(content)
    assert photo.size == (48, 64)
    assert photo.warnings == (
        "only a thumbnail of 64 x 48 pixels of its 4000 x 3000 could be decoded: small faces "
        "are missed",
    )


def test_a_damaged_preview_leaves_the_next_smaller():
    content = _dng("<").replace(b"\xff\xc4", b"\xff\xd9")  # no table of its codes
    assert decode(content).size == (48, 64)


def test_a_damaged_sample_of_a_cr3_leaves_its_preview_then_its_thumbnail():
    broken = b"\xff\xd8\xff\xd9"
    assert decode(_cr3(sample=broken), long_side_px=None).size == (600, 800)
    found = decode(_cr3(sample=broken, preview=broken), long_side_px=None)
    assert found.size == (120, 160)
    assert "of its 4000 x 3000" in found.warnings[0]


def test_a_cr3_that_is_cut_anywhere_is_a_picture_or_a_bad_photo():
    content = _cr3()
    for end in range(20, len(content), 211):
        try:
            decode(content[:end])
        except BadPhoto:
            continue
        assert end > 1000


def test_a_raw_file_without_a_picture_says_what_to_do():
    tiff = _Tiff()
    with pytest.raises(BadPhoto, match="export it as JPEG"):
        decode(tiff.done(tiff.directory(**_sensor(4000, 3000))))


def test_an_ordinary_tiff_is_no_raw_file_and_its_first_page_is_taken():
    buffer = BytesIO()
    large = Image.new("RGB", (300, 200), "white")
    Image.new("RGB", (30, 20), "black").save(buffer, "TIFF", save_all=True, append_images=[large])
    assert raw.look(buffer) is None
    assert decode(buffer.getvalue()).size == (20, 30)


def test_directories_in_a_circle_end():
    tiff = _Tiff()
    at = len(tiff.content)
    tiff.directory(at, **{"s254": 1, "l330": (at, 8, 1 << 31)})
    assert raw.look(BytesIO(tiff.done(at))).pictures == []
