"""What is written in photos: read, in order, with its place; what is unsure is left out."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pretend_scan import scanned

from retrieve.documents.formats.pdf.pictured import pictures
from retrieve.documents.passages import MAX_WORDS, count_words
from retrieve.errors import WeightsError
from retrieve.pictures.written import networks
from retrieve.pictures.written.networks import Recognised
from retrieve.pictures.written.order import reading_order
from retrieve.pictures.written.passages import passages_of
from retrieve.pictures.written.read import WordReader, WrittenLine
from retrieve.types import Passage, Written, around

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
LINES = ("¿Dónde está la peña?", "Camino de Ibáñez, 12")
PLACES = ((60, 60), (60, 130))


@pytest.fixture(scope="module")
def reader():
    return WordReader()


@pytest.fixture(scope="module")
def sign():
    picture = Image.new("RGB", (640, 480), (235, 240, 230))
    draw = ImageDraw.Draw(picture)
    for line, at in zip(LINES, PLACES, strict=True):
        draw.text(at, line, font=ImageFont.truetype(str(FONT), 40), fill=(20, 30, 90))
    return picture


def _read(reader, picture):
    return reader.read(np.asarray(picture))


def test_a_sign_is_read_with_its_accents_and_places(reader, sign):
    found = _read(reader, sign)
    assert [line.text for line in found] == list(LINES)
    assert min(line.confidence for line in found) > 0.95
    for line, (x, y) in zip(found, PLACES, strict=True):
        left, top = line.corners.min(axis=0)
        assert (left, top) == pytest.approx((x, y), abs=12)


@pytest.mark.parametrize(
    ("turn", "upper_left"),
    [
        (Image.Transpose.ROTATE_90, (60, 580)),
        (Image.Transpose.ROTATE_180, (580, 420)),
        (Image.Transpose.ROTATE_270, (420, 60)),
    ],
)
def test_a_turned_photo_is_read_in_the_order_of_its_text(reader, sign, turn, upper_left):
    found = _read(reader, sign.transpose(turn))
    assert [line.text for line in found] == list(LINES)
    assert found[0].corners[0] == pytest.approx(upper_left, abs=14)


def test_a_photo_without_words_has_none_and_costs_a_glance(reader, monkeypatch):
    sizes = []
    detect = reader._networks.detect
    monkeypatch.setattr(
        reader._networks, "detect", lambda pixels: sizes.append(pixels.shape) or detect(pixels)
    )
    assert _read(reader, Image.radial_gradient("L").convert("RGB")) == []
    assert sizes == [(640, 640, 3)]


def test_a_lone_sign_in_a_photo_says_nothing(reader):
    picture = Image.new("RGB", (640, 480), (235, 240, 230))
    font = ImageFont.truetype(str(FONT), 200)
    ImageDraw.Draw(picture).text((250, 120), "8", font=font, fill=(20, 30, 90))
    assert _read(reader, picture) == []


@pytest.mark.parametrize(
    ("text", "confidences", "kept"),
    [
        ("PAN xq", [0.9] * 4 + [0.6] * 2, "PAN"),
        ("O", [0.95], ""),
        ("7", [0.99], "7"),
        ("** !", [0.99] * 4, ""),
        ("", [], ""),
    ],
)
def test_unsure_words_and_lone_signs_are_left_out(reader, text, confidences, kept):
    assert reader._sure(Recognised(text, tuple(confidences)))[0] == kept


def test_other_networks_than_those_that_were_measured_are_refused(monkeypatch):
    name, _ = networks.MODELS["Cls"]
    monkeypatch.setitem(networks.MODELS, "Cls", (name, "0" * 64))
    with pytest.raises(WeightsError, match=r"its SHA-256 is another .* pip install"):
        networks.Networks()


def _box(left, top, right, bottom):
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.array(corners, np.float32)


def _turned(box, degrees):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    return box @ turn


LEFT = "una columna de prosa larga", "que sigue en esta línea", "y que termina más abajo"
RIGHT = "otra columna al lado de ella", "con sus propias palabras en", "tres líneas como la primera"
COLUMNS = [(_box(0, 40 * n, 300, 40 * n + 20), text) for n, text in enumerate(LEFT)]
COLUMNS += [(_box(350, 40 * n, 650, 40 * n + 20), text) for n, text in enumerate(RIGHT)]


@pytest.mark.parametrize("degrees", [0, 7, 90, 180, -90])
def test_columns_are_read_one_after_the_other_at_any_angle(degrees):
    mixed = [COLUMNS[at] for at in (3, 0, 4, 1, 5, 2)]
    turned = [(_turned(box, degrees), text) for box, text in mixed]
    rows = reading_order(turned)
    assert [turned[at][1] for row in rows for at in row] == [*LEFT, *RIGHT]


def test_prices_stand_behind_what_they_are_for():
    receipt = [
        (_box(400, 2, 460, 20), "1,09"),
        (_box(0, 0, 200, 20), "LECHE"),
        (_box(400, 41, 460, 60), "2,35"),
        (_box(0, 40, 210, 60), "PAN"),
    ]
    assert reading_order(receipt) == [[1, 0], [3, 2]]


def _line(text, number, confidence=0.9876):
    return WrittenLine(text, _box(100, 100 * number, 900, 100 * number + 50), confidence, number)


def test_boxes_are_of_the_whole_photo_and_divided_words_whole():
    (passage,) = passages_of(
        [_line("La cons-", 1), _line("trucción del", 2), _line("molino", 3)], scale=0.5, page=4
    )
    assert passage == Passage(
        "La construcción del molino",
        kind="ocr",
        page=4,
        written=(
            Written(0, (200, 200, 1800, 300), 0.988),
            Written(16, (200, 400, 1800, 500), 0.988),
            Written(20, (200, 600, 1800, 700), 0.988),
        ),
    )


def test_what_has_no_words_has_no_passages():
    assert passages_of([], scale=1) == []


def test_a_full_page_is_several_passages_that_end_with_sentences():
    lines = [_line(f"renglón {n} con ocho palabras que dicen algo.", n) for n in range(40)]
    found = passages_of(lines, scale=1)
    assert max(count_words(one.text) for one in found) <= MAX_WORDS
    assert all(one.text.endswith(".") for one in found)
    assert " ".join(one.text for one in found) == " ".join(line.text for line in lines)
    assert all(
        one.text[line.start :].startswith("renglón") for one in found for line in one.written
    )


def test_the_lines_of_marked_words_are_told_and_all_without_marks():
    lines = (Written(0, (0, 0, 9, 9), 1.0), Written(5, (0, 20, 30, 29), 0.9))
    passage = Passage("pan. vino tinto", written=lines)
    assert passage.written_at([(5, 9)]) == lines[1:]
    assert passage.written_at([(0, 3), (10, 15)]) == passage.written_at([]) == lines
    assert around(lines) == (0, 0, 30, 29)
    assert around([]) is None


def test_pages_are_drawn_as_they_are_shown():
    first, third = pictures(scanned(3), [1, 3], 800)
    assert (first.number, third.number) == (1, 3)
    assert first.pixels.shape == (800, 600, 3)
    assert first.scale == 2
    dark = np.argwhere(third.pixels[..., 0] < 128)
    assert dark.min(axis=0).tolist() == pytest.approx([160, 100], abs=2)
    assert dark.max(axis=0).tolist() == pytest.approx([200, 304], abs=3)
