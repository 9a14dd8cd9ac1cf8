from __future__ import annotations

import os
import struct
import tracemalloc
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from retrieve import photos
from retrieve.photos import BadPhoto, decode
from retrieve.pictures import promises


def _saved(image, form, **options):
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _bmp(width, height, compression=0, body=bytes(800)):
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 0, 0, 2, 0)
    palette = bytes(4) + b"\xff\xff\xff\0"
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + palette + body


def _png(width, height):
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = _saved(GREY, "PNG")
    return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]


def _tiff(content, width, height):
    """An uncompressed TIFF of Pillow's whose size is another."""
    for tag, value in ((256, width), (257, height), (278, height)):
        kind = 4 if struct.pack("<HHI", tag, 4, 1) in content else 3
        at = content.index(struct.pack("<HHI", tag, kind, 1))
        content = content[: at + 8] + struct.pack("<I", value) + content[at + 12 :]
    return content


GREY = Image.new("L", (64, 64))
LONG = Image.new("RGB", (64, 64))


@pytest.mark.parametrize(
    "content",
    [
        _bmp(16, 8_000_000),
        _bmp(12_000, 12_000, compression=1, body=b"\0\1"),
        _tiff(_saved(LONG, "TIFF"), 10_000, 10_000),
        _tiff(_saved(LONG, "TIFF", compression="packbits"), 10_000, 10_000),
        _tiff(_saved(LONG, "TIFF", compression="tiff_lzw"), 10_000, 10_000),
        _tiff(_saved(LONG, "TIFF", compression="tiff_adobe_deflate"), 10_000, 10_000),
        _png(15_000, 15_000),
        _saved(GREY, "GIF").replace(struct.pack("<HH", 64, 64), struct.pack("<HH", 15_000, 15_000)),
        _saved(GREY, "JPEG").replace(
            struct.pack(">HH", 64, 64), struct.pack(">HH", 15_000, 15_000)
        ),
    ],
    ids=["bmp", "bmp-rle", "tiff", "packbits", "lzw", "deflate", "png", "gif", "jpeg"],
)
def test_more_pixels_than_the_file_can_hold_are_refused_before_memory_is_taken(
    content, monkeypatch
):
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("decoded"))
    with pytest.raises(BadPhoto, match=r"take \d+ bytes at least; the file has"):
        decode(content)


def _gif(screen, frame):
    """A GIF without a pixel, whose first picture is to be wiped out afterwards."""
    colours = b"\0\0\0\xff\xff\xff"
    wiped = b"!\xf9\4\x09\0\0\0\0"
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0)
    return head + colours + wiped + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\2\0;"


def _webp(width, height):
    canvas = struct.pack("<I", 0) + (width - 1).to_bytes(3, "little")
    canvas += (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_gif((60_000, 60_000), (60_000, 60_000)), "take 80 bytes at least; the file has 40"),
        (_gif((64, 64), (60_000, 60_000)), "take 80 bytes at least; the file has 40"),
        (_gif((12_000, 12_000), (12_000, 12_000)), "take 80 bytes at least; the file has 40"),
        (_gif((60_000, 60_000), (60_000, 60_000)) + bytes(300_000), "than the 256 million"),
        (_webp(17_000, 17_000), "than the 256 million"),
    ],
    ids=["gif", "gif-beyond-its-screen", "gif-that-is-allowed", "gif-with-much-behind-it", "webp"],
)
def test_a_picture_is_refused_before_memory_is_taken_to_open_it(content, reason, monkeypatch):
    def taken(*_):
        pytest.fail("memory was taken")

    monkeypatch.setattr("PIL.Image.core.fill", taken)
    monkeypatch.setattr("PIL._webp.WebPAnimDecoder", taken)
    with pytest.raises(BadPhoto, match=reason):
        decode(content)


def _tiled(compression, tile, content=bytes(900)):
    """A grey TIFF of 64 x 64 pixels in one tile of so many on a side."""
    sizes = {256: 64, 257: 64, 322: tile, 323: tile}
    kinds = {258: 8, 259: compression, 262: 1, 277: 1, 324: 8, 325: len(content)}
    tags = sorted((sizes | kinds).items())
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    start = struct.pack("<I", 8 + len(content))
    return b"II*\0" + start + content + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("compression", [5, 7, 8, 32773, 34925, 50000])
def test_a_tile_counts_as_a_whole(compression, monkeypatch):
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("decoded"))
    with pytest.raises(BadPhoto, match="30000 x 30000 pixels are more than"):
        decode(_tiled(compression, 30_000))
    if compression in (5, 7, 8, 32773):
        with pytest.raises(BadPhoto, match=r"14000 x 14000 pixels take \d+ bytes at least"):
            decode(_tiled(compression, 14_000))


def test_a_picture_of_less_than_a_tile_is_read():
    assert decode(_tiled(8, 128, zlib.compress(bytes(128 * 128)))).size == (64, 64)


ALL = "1 L P LA RGB RGBA CMYK I;16 F"


@pytest.mark.parametrize(
    ("form", "options", "mode"),
    [
        (form, options, mode)
        for form, options, modes in (
            ("PNG", {"optimize": True}, "1 L P LA RGB RGBA I;16"),
            ("GIF", {}, "1 L P LA RGB RGBA I;16 F"),
            ("BMP", {}, "1 L P RGB RGBA"),
            ("JPEG", {"quality": 1}, "1 L RGB CMYK"),
            ("JPEG", {"quality": 1, "progressive": True, "optimize": True}, "1 L RGB CMYK"),
            ("WEBP", {"lossless": True}, ALL),
            ("TIFF", {"compression": "raw"}, ALL),
            ("TIFF", {"compression": "packbits"}, ALL),
            ("TIFF", {"compression": "tiff_lzw"}, ALL),
            ("TIFF", {"compression": "tiff_adobe_deflate"}, ALL),
            ("TIFF", {"compression": "group4"}, "1"),
            ("TIFF", {"compression": "jpeg"}, "L LA RGB RGBA CMYK"),
        )
        for mode in modes.split()
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_a_blank_picture_is_never_refused(form, options, mode):
    if mode in ("I;16", "F"):
        depth = np.uint16 if mode == "I;16" else np.float32
        blank = Image.fromarray(np.zeros((2000, 700), depth))
    else:
        blank = Image.new("L", (700, 2000)).convert(mode)
    assert decode(_saved(blank, form, **options)).size == (2000, 700)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_a_blank_colour_jpeg_is_never_refused(subsampling):
    content = _saved(Image.new("RGB", (4000, 3000)), "JPEG", subsampling=subsampling, quality=1)
    assert decode(content).size == (3000, 4000)


def test_a_run_length_bmp_is_read():
    rows = b"\x28\1\0\0" * 30 + b"\0\1"
    assert decode(_bmp(40, 30, compression=1, body=rows)).size == (30, 40)


def _sparse(path, head=b"", size=900 << 20):
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path


@pytest.mark.parametrize(
    "head",
    [
        b"",
        _saved(GREY, "PNG")[:40],
        b"\0\0\0\x18ftypheic",
        b"RIFF1234WEBP",
    ],
    ids=["nothing", "png", "heic", "webp"],
)
def test_a_large_file_is_not_read_for_what_it_is_not(tmp_path, head):
    path = _sparse(tmp_path / "a.jpg", head)
    tracemalloc.start()
    with pytest.raises(BadPhoto):
        photos.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 << 20


def test_a_photo_with_much_behind_it_is_read_as_far_as_it_goes(tmp_path):
    path = _sparse(tmp_path / "a.jpg", _saved(GREY, "JPEG"), 40 << 20)
    tracemalloc.start()
    photo = photos.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert photo.size == (64, 64)
    assert photo.size_bytes == 40 << 20
    assert photo.sha256 == photos.content_hash(path)
    assert peak < 8 << 20


def test_a_file_that_is_written_to_meanwhile_is_skipped(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    GREY.save(path)
    inner = photos._decoded

    def decoded(*given):
        os.utime(path, ns=(1, 1))
        return inner(*given)

    monkeypatch.setattr(photos, "_decoded", decoded)
    with pytest.raises(BadPhoto, match="written to while it was read"):
        photos.read(path)


def test_heic_and_webp_have_a_limit_of_their_own():
    for head in (b"\0\0\0\x18ftypheic", b"RIFF1234WEBP"):
        assert promises.too_large(head, promises.MAX_WHOLE_BYTES) is None
        assert "wanted up to 256 MiB" in promises.too_large(head, promises.MAX_WHOLE_BYTES + 1)
