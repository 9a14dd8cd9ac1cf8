from __future__ import annotations

import hashlib
import os
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from PIL import ExifTags, Image, ImageCms
from pillow_heif import register_heif_opener

from retrieve import photos
from retrieve.descriptions import describe
from retrieve.photos import BadPhoto, content_hash, read

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
needs_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason="../shared/photos is not here")
register_heif_opener()


def _picture(width=60, height=40):
    """Another colour in each corner: red, green / blue, white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    half_h, half_w = height // 2, width // 2
    pixels[:half_h, :half_w] = 200, 20, 20
    pixels[:half_h, half_w:] = 20, 200, 20
    pixels[half_h:, :half_w] = 20, 20, 200
    pixels[half_h:, half_w:] = 230, 230, 230
    return Image.fromarray(pixels)


def _corners(pixels):
    h, w = pixels.shape[:2]
    places = [
        (h // 4, w // 4),
        (h // 4, 3 * w // 4),
        (3 * h // 4, w // 4),
        (3 * h // 4, 3 * w // 4),
    ]
    return np.array([pixels[place] for place in places], int)


CORNERS = _corners(np.asarray(_picture()))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp", "gif", "heic", "avif"])
def test_every_format_comes_out_the_same(tmp_path, suffix):
    _picture().save(tmp_path / f"a.{suffix}")
    photo = read(tmp_path / f"a.{suffix}")
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.shape == (40, 60, 3)
    assert photo.size == (40, 60)
    assert photo.warnings == ()
    assert_allclose(_corners(photo.pixels), CORNERS, atol=25)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path, suffix, orientation):
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose methods that undo each
    stored = _picture()
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored.save(tmp_path / f"a.{suffix}", exif=exif)
    photo = read(tmp_path / f"a.{suffix}")
    assert photo.size == photo.pixels.shape[:2] == (40, 60)
    assert_allclose(_corners(photo.pixels), CORNERS, atol=25)


def _with_orientation(path, image, *, container, exif):
    """A HEIC or AVIF that its container and its EXIF turn as they are numbered."""
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = container
    block[0x0113] = exif  # that becomes the orientation: encoders take the true one out
    image.info["exif"] = block.tobytes()  # of this both encoders make an irot
    image.save(path, **({"exif": block} if path.suffix == ".avif" else {}))
    content = path.read_bytes()
    assert (b"irot" in content) == (container != 1)
    short = b"\0\x03\0\0\0\x01\0"
    content = content.replace(b"\x01\x12" + short, b"\x01\x11" + short)
    path.write_bytes(content.replace(b"\x01\x13" + short, b"\x01\x12" + short))
    return path


@pytest.mark.parametrize("suffix", ["heic", "avif"])
@pytest.mark.parametrize(("container", "exif"), [(6, 6), (6, 3), (6, 1), (1, 6)])
def test_a_containers_own_turn_counts_and_exifs_only_without_one(tmp_path, suffix, container, exif):
    stored = _picture().transpose(Image.Transpose.ROTATE_90)
    path = _with_orientation(tmp_path / f"a.{suffix}", stored, container=container, exif=exif)
    assert read(path).size == (40, 60)
    assert_allclose(_corners(read(path).pixels), CORNERS, atol=25)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16", "F"])
def test_grey_modes_come_out_as_rgb(tmp_path, mode):
    grey = np.asarray(_picture().convert("L"))
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(grey).convert(mode)
    image.save(tmp_path / "a.tiff")
    # A float picture is as bright as its brightest pixel.
    brightness = 255 / grey.max() if mode == "F" else 1
    expected = np.repeat(_corners(grey)[:, None], 3, axis=1) * brightness
    assert_allclose(_corners(read(tmp_path / "a.tiff").pixels), expected, atol=1)


@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_colour_modes_come_out_as_rgb(tmp_path, mode):
    image = _picture()
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, lab[1], lab[0], outputMode="LAB")
    elif mode == "P":
        image = image.convert("P", palette=Image.Palette.ADAPTIVE)
    else:
        image = image.convert(mode)
    image.save(tmp_path / "a.tiff")
    assert_allclose(_corners(read(tmp_path / "a.tiff").pixels), CORNERS, atol=8)


def test_black_and_white_come_out_as_such(tmp_path):
    _picture().convert("1").save(tmp_path / "a.png")
    assert set(np.unique(read(tmp_path / "a.png").pixels)) == {0, 255}


def test_transparency_is_laid_on_white(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png").pixels == 255).all()


def test_of_an_animation_the_first_picture_is_taken(tmp_path):
    second = Image.new("RGB", (60, 40), "black")
    _picture().save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert_allclose(_corners(read(tmp_path / "a.gif").pixels), CORNERS, atol=25)


def test_a_large_jpeg_is_reduced_and_knows_its_size(tmp_path):
    _picture(3000, 2000).save(tmp_path / "a.jpg", quality=95)
    photo = read(tmp_path / "a.jpg", long_side_px=500)
    assert photo.pixels.shape == (333, 500, 3)
    assert photo.size == (2000, 3000)
    assert photo.scale == pytest.approx(1 / 6)
    assert_allclose(_corners(photo.pixels), CORNERS, atol=10)
    assert read(tmp_path / "a.jpg", long_side_px=None).pixels.shape == (2000, 3000, 3)


def test_a_small_photo_is_not_enlarged(tmp_path):
    _picture().save(tmp_path / "a.png")
    assert read(tmp_path / "a.png", long_side_px=500).pixels.shape == (40, 60, 3)


def test_the_hash_is_that_of_the_bytes(tmp_path):
    _picture().save(tmp_path / "a.png")
    expected = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert read(tmp_path / "a.png").sha256 == content_hash(tmp_path / "a.png") == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2019:07:21 18:03:00", "2019-07-21T18:03:00"),
        ("0000:00:00 00:00:00", None),
        ("yesterday", None),
    ],
)
def test_the_date_is_that_of_the_exposure(tmp_path, written, expected):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = written
    _picture().save(tmp_path / "a.jpg", exif=exif)
    assert read(tmp_path / "a.jpg").taken_at == expected


def test_content_decides_and_not_the_suffix(tmp_path):
    _picture().save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert_allclose(_corners(read(tmp_path / "a.jpg").pixels), CORNERS)
    _picture().save(tmp_path / "b.ico")
    (tmp_path / "b.ico").rename(tmp_path / "b.png")
    with pytest.raises(BadPhoto, match="not a JPEG"):
        read(tmp_path / "b.png")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_photo_cut_short_near_its_end_is_used_and_says_so(tmp_path, progressive):
    noise = np.random.default_rng(0).integers(0, 256, (25, 25, 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(noise).resize((400, 400)).save(buffer, "JPEG", progressive=progressive)
    whole = buffer.getvalue()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    photo = read(tmp_path / "a.jpg")
    assert photo.pixels.shape == (400, 400, 3)
    assert "cut short" in photo.warnings[0]
    if not progressive:  # the start of a progressive file shows all of it, coarsely
        (tmp_path / "b.jpg").write_bytes(whole[: len(whole) // 8])
        with pytest.raises(BadPhoto, match="missing"):
            read(tmp_path / "b.jpg")


def test_a_decompression_bomb_is_refused_before_decoding(tmp_path, monkeypatch):
    _picture(300, 300).save(tmp_path / "a.png")
    monkeypatch.setattr(photos, "MAX_PIXELS", 80_000)
    monkeypatch.setattr(Image.Image, "load", None)  # nothing may decode
    with pytest.raises(BadPhoto, match="300 x 300 pixels are more than"):
        read(tmp_path / "a.png")


def test_files_that_are_no_photos_are_refused_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a photo")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "large.jpg").write_bytes(b"\xff\xd8" * 600)
    monkeypatch.setattr(photos, "MAX_BYTES", 1000)
    reasons = {}
    for name in ("empty", "text", "folder", "pipe", "large", "missing"):
        with pytest.raises(BadPhoto) as caught:
            read(tmp_path / f"{name}.jpg")
        reasons[name] = str(caught.value)
        assert "\n" not in reasons[name]
    assert "empty" in reasons["empty"]
    assert "not a JPEG" in reasons["text"]
    assert "regular file" in reasons["folder"]
    assert "regular file" in reasons["pipe"]
    assert "larger" in reasons["large"]
    assert "no such file" in reasons["missing"]


def test_names_that_are_not_utf8_are_read(tmp_path):
    path = tmp_path / os.fsdecode(b"ni\xf1o.png")
    _picture().save(BytesIO(), "PNG")
    with path.open("wb") as file:
        _picture().save(file, "PNG")
    assert read(path).size == (40, 60)


def test_pillows_settings_are_left_as_they_were(tmp_path):
    from PIL import ImageFile

    before = Image.MAX_IMAGE_PIXELS
    (tmp_path / "a.jpg").write_text("x")
    with pytest.raises(BadPhoto):
        read(tmp_path / "a.jpg")
    assert before == Image.MAX_IMAGE_PIXELS
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "HEIF", "AVIF", "BMP"])
def test_damaged_bytes_give_a_photo_or_a_reason_and_no_warning(tmp_path, form):
    buffer = BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    options = {} if form in ("GIF", "BMP") else {"exif": exif}
    _picture().save(buffer, form, **options)
    whole, reasons = buffer.getvalue(), []

    @settings(
        max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(
        st.lists(
            st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=8
        ),
        st.integers(0, len(whole)),
    )
    def damaged(changes, length):
        content = bytearray(whole)
        for place, value in changes:
            content[place] = value
        (tmp_path / "a").write_bytes(content[:length] or b"x")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert read(tmp_path / "a").pixels.shape[2] == 3
        except BadPhoto as error:
            reasons.append(str(error))

    damaged()
    assert all(reasons)


@needs_photos
def test_every_file_of_the_odd_folder_is_read_or_refused_with_its_reason():
    read_names, reasons = set(), []
    for path in sorted((PHOTOS / "odd").iterdir()):
        try:
            read(path)
            read_names.add(path.name)
        except BadPhoto as error:
            reasons.append(str(error))
    assert all(reasons)
    expected = {
        path.name
        for path in (PHOTOS / "odd").iterdir()
        if "hopper" in path.name and path.suffix not in (".ico", ".ppm", ".psd", ".qoi", ".pgm")
    }
    assert expected <= read_names


@needs_photos
def test_the_eight_orientations_of_one_photo_agree():
    for kind in ("Landscape", "Portrait"):
        paths = sorted((PHOTOS / "exif_orientation").glob(f"{kind}_[1-8].jpg"))
        found = [read(path).pixels.astype(float) for path in paths]
        assert len(found) == 8
        for pixels in found[1:]:
            assert pixels.shape == found[0].shape
            assert np.abs(pixels - found[0]).mean() < 12


def _with_gps(path, latitude, longitude, references="NW"):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "camera"  # Pillow writes no EXIF into a PNG for a sub-IFD alone
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLongitude] = latitude, longitude
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef] = references
    _picture().save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "heic", "png", "webp"])
def test_a_place_is_degrees_north_and_east(tmp_path, suffix):
    path = _with_gps(tmp_path / f"a.{suffix}", (41.0, 39.0, 22.68), (0.0, 52.0, 38.14))
    assert read(path).place == pytest.approx((41.6563, -0.877261), abs=1e-6)
    assert describe(path).place == read(path).place


@pytest.mark.parametrize(
    ("latitude", "longitude", "references"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), "NE"),  # a camera without a fix
        ((91.0, 0.0, 0.0), (5.0, 0.0, 0.0), "NE"),
        ((41.0, 0.0, 0.0), (5.0, 0.0, 0.0), "XE"),
        ((41.0, 0.0), (5.0, 0.0), "NE"),
    ],
)
def test_what_is_no_place_is_none(tmp_path, latitude, longitude, references):
    path = _with_gps(tmp_path / "a.jpg", latitude, longitude, references)
    assert read(path).place is None
    assert describe(path).place is None


def test_a_photo_without_exif_has_no_place(tmp_path):
    _picture().save(tmp_path / "a.jpg")
    assert describe(tmp_path / "a.jpg").place is None


@pytest.mark.parametrize(
    ("name", "options", "is_all"),
    [
        ("photo.jpg", {}, True),
        ("photo.png", {}, True),
        ("moving.gif", {"save_all": True, "append_images": [_picture().rotate(90)]}, False),
        ("pages.tif", {"save_all": True, "append_images": [_picture().rotate(90)]}, False),
    ],
)
def test_a_file_of_several_pictures_is_more_than_its_pixels(tmp_path, name, options, is_all):
    _picture().save(tmp_path / name, **options)
    assert photos.is_all_in_pixels(tmp_path / name) is is_all


@pytest.mark.parametrize(("lowest", "is_all"), [(255, True), (254, False)])
def test_a_file_with_transparent_parts_is_more_than_its_pixels(tmp_path, lowest, is_all):
    picture = _picture().convert("RGBA")
    picture.putpixel((3, 3), (9, 9, 9, lowest))
    picture.save(tmp_path / "photo.png")
    assert photos.is_all_in_pixels(tmp_path / "photo.png") is is_all


def test_a_file_of_16_bits_is_more_than_its_pixels(tmp_path):
    deep = np.asarray(_picture().convert("L"), np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "grey.png")
    assert not photos.is_all_in_pixels(tmp_path / "grey.png")
    rows = b"".join(b"\0" + np.repeat(row, 3).astype(">u2").tobytes() for row in deep)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 60, 40, 16, 2, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    file = b"\x89PNG\r\n\x1a\n"
    for name, held in chunks:
        checksum = zlib.crc32(name + held)
        file += struct.pack(">I", len(held)) + name + held + struct.pack(">I", checksum)
    (tmp_path / "colours.png").write_bytes(file)  # which Pillow opens as RGB of 8 bits
    assert Image.open(tmp_path / "colours.png").mode == "RGB"
    assert not photos.is_all_in_pixels(tmp_path / "colours.png")
