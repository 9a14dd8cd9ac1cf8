from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from retrieve import photos
from retrieve.indexes.building.reading import Reading
from retrieve.sources import file_reader, reader_of


@pytest.fixture(scope="module")
def reading():
    return Reading()


def _odd_tiff(path):
    """Of which Pillow logs and libtiff prints something."""
    buffer = BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "TIFF", compression="tiff_lzw")
    content = bytearray(buffer.getvalue())
    content[20:60] = b"\xff" * 40
    path.write_bytes(content)
    return path


def test_a_photo_is_the_same_as_if_it_was_read_here(reading, tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((60, 40), 50).convert("RGB").save(path)
    for photo in (str(path), path.read_bytes()):
        here, there = (read(32) for read in (reader_of(photo), reading.of(reader_of(photo))))
        assert_array_equal(here.pixels, there.pixels)
        assert (here.path, here.size, here.sha256) == (there.path, there.size, there.sha256)


def test_the_reason_of_a_photo_of_no_use_is_the_same(reading, tmp_path):
    (tmp_path / "a.jpg").write_text("no photo")
    read = reader_of(tmp_path / "a.jpg")
    told = []
    for one in (read, reading.of(read)):
        with pytest.raises(photos.BadPhoto) as caught:
            one(None)
        told.append((str(caught.value), caught.value.reason))
    assert told[0] == told[1]


def test_pixels_that_are_decoded_stay_where_they_are(reading):
    read = reader_of(np.zeros((4, 4, 3), np.uint8))
    assert reading.of(read) is read


def test_what_libraries_print_of_a_photo_is_nobodys_to_read(reading, tmp_path, capfd):
    path = _odd_tiff(tmp_path / "a.tif")
    with suppress(photos.BadPhoto):
        photos.read(path)
    assert "not yet in table" in capfd.readouterr().err
    with suppress(photos.BadPhoto):
        reading.of(file_reader(path))(None)
    assert capfd.readouterr() == ("", "")


def test_a_photo_that_takes_too_long_is_given_up_and_the_next_is_read(tmp_path):
    Image.new("L", (6000, 6000)).save(tmp_path / "slow.png")
    Image.new("L", (6, 6)).save(tmp_path / "a.png")
    read = Reading(time_limit_s=0.05).of
    with pytest.raises(photos.BadPhoto, match=r"decoding .* and was stopped$"):
        read(file_reader(tmp_path / "slow.png"))(None)
    assert read(file_reader(tmp_path / "a.png"))(None).size == (6, 6)
