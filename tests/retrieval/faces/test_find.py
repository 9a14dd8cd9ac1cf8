from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

import retrieve
from retrieve.faces.detection import find as finding
from retrieve.faces.detection.detect import DETECTORS, open_detector
from retrieve.faces.detection.detector import Doubting
from retrieve.faces.detection.find import find
from retrieve.faces.detection.recipe import DEFAULT, FIRST
from retrieve.faces.detection.tiles import LARGEST_PX, merged, tiles
from retrieve.faces.detection.turns import TURNS, is_upright, lean, turn_for, turned, turned_back
from retrieve.sample_data.album import draw_portrait
from retrieve.sources import reader_of
from retrieve.types import Face

PORTRAIT = draw_portrait(9, 59)
POINTS = np.array([[35, 40], [65, 40], [50, 55], [38, 70], [62, 70]], np.float32)


@pytest.fixture(scope="module", params=DETECTORS)
def detector(request):
    return open_detector(request.param)


class Counting:
    """A detector that remembers what it was asked, and finds what it is told."""

    name, weights_sha256 = "counting", "ab" * 32

    def __init__(self, *found):
        self.seen = []
        self._found = found

    def detect(self, batch):
        self.seen += [pixels.shape[:2] for pixels in batch]
        return [list(self._found) for _ in batch]


def _face(x=0.0, y=0.0, size=100.0, score=0.9):
    corner = np.array([x, y], np.float32)
    box = np.concatenate([corner, corner + np.float32(size)])
    return Face(box, corner + POINTS * np.float32(size / 100), score)


def _wide(width=6000, height=1500, places=((700, 500), (5200, 900))):
    """A long photo with small drawn people in it, and where their pictures lie."""
    rng = np.random.default_rng(0)
    sheet = rng.integers(118, 124, (height, width, 3), np.uint8)
    small = np.asarray(Image.fromarray(PORTRAIT).resize((192, 240), Image.Resampling.BOX))
    for left, top in places:
        sheet[top : top + 240, left : left + 192] = small
    return sheet


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_portrait_is_found_where_it_is(detector, turn):
    upright = find(reader_of(PORTRAIT), detector, DEFAULT)
    assert (len(upright.faces), upright.turn) == (1, 0)
    on_its_side = turned(PORTRAIT, 360 - turn)
    found = find(reader_of(on_its_side), detector, DEFAULT)
    assert (len(found.faces), found.turn) == (1, turn)
    expected = turned_back(upright.faces[0], on_its_side.shape[:2], turn)
    assert_allclose(found.faces[0].box, expected.box, atol=2)
    assert_allclose(found.faces[0].landmarks, expected.landmarks, atol=2)


def test_a_turned_photo_gives_the_embedding_of_the_upright_one(detector):
    faces = retrieve.detect(PORTRAIT, detector=detector)
    (upright,) = retrieve.embed_faces(faces)
    for turn in TURNS:
        faces = retrieve.detect(turned(PORTRAIT, turn), detector=detector)
        (vector,) = retrieve.embed_faces(faces)
        assert faces.turn == 360 - turn
        assert faces[:1].turn == faces.turn
        assert vector @ upright > 0.99


def test_without_turns_nothing_is_found_upright_in_a_turned_photo(detector):
    read = reader_of(turned(PORTRAIT, 90))
    for recipe in (DEFAULT.turning(False), FIRST):
        found = find(read, detector, recipe)
        assert found.turn == 0
        assert not any(is_upright(face) for face in found.faces)


def test_small_faces_of_a_long_photo_are_found_once_each(detector):
    places = ((700, 500), (5200, 900))
    found = find(reader_of(_wide(places=places)), detector, DEFAULT)
    middles = sorted(face.box.reshape(2, 2).mean(axis=0).tolist() for face in found.faces)
    assert len(middles) == 2
    for (x, y), (left, top) in zip(middles, places, strict=True):
        assert left < x < left + 192
        assert top < y < top + 240
    before = find(reader_of(_wide(places=places)), detector, replace(DEFAULT, tile_px=0))
    assert found.photo.size == before.photo.size == (1500, 6000)


def test_the_first_recipe_searches_1024_pixels_once():
    first = Counting()
    found = find(reader_of(_wide()), first, FIRST)
    assert found.photo.pixels.shape == (256, 1024, 3)
    assert first.seen == [(256, 1024)]


def test_a_photo_that_needs_neither_tiles_nor_turns_is_looked_at_once():
    detector = Counting(_face())
    find(reader_of(np.zeros((900, 1600, 3), np.uint8)), detector, DEFAULT)
    assert detector.seen == [(576, 1024)]


def test_a_photo_without_a_find_is_looked_at_small_in_three_turns():
    detector = Counting()
    assert find(reader_of(np.zeros((600, 900, 3), np.uint8)), detector, DEFAULT).turn == 0
    assert detector.seen == [(600, 900), (384, 256), (256, 384), (384, 256)]
    detector.seen.clear()
    find(reader_of(np.zeros((600, 900, 3), np.uint8)), detector, DEFAULT.turning(False))
    assert detector.seen == [(600, 900)]


def test_a_detector_that_tells_no_doubts_sees_every_tile():
    detector = Counting(_face())
    assert not isinstance(detector, Doubting)
    find(reader_of(np.zeros((3000, 4000, 3), np.uint8)), detector, DEFAULT)
    assert detector.seen[0] == (768, 1024)
    assert len(detector.seen) == 1 + 4 * 5  # of 1200 by 1600 pixels
    assert max(max(shape) for shape in detector.seen[1:]) <= DEFAULT.tile_px


def test_doubts_decide_which_tiles_are_looked_at():
    class Unsure(Counting):
        def look(self, pixels, *, share=0.0, strict=False):
            self.seen.append(pixels.shape[:2])
            return [_face(size=300)], np.array([[900, 700]], np.float32)

    detector = Unsure()
    assert isinstance(detector, Doubting)
    find(reader_of(np.zeros((3000, 4000, 3), np.uint8)), detector, DEFAULT)
    assert len(detector.seen) == 2


def test_tiles_cover_a_photo_once():
    seen = np.zeros((1000, 1700), int)
    for tile in tiles(seen.shape, 448):
        left, top, right, bottom = tile.core
        seen[top:bottom, left:right] += 1
        reach = tile.seen
        assert reach[2] - reach[0] <= 448
        assert reach[3] - reach[1] <= 448
    assert (seen == 1).all()


def test_a_face_of_two_tiles_is_one_and_parts_of_a_large_one_are_none():
    large, part = _face(0, 0, 400), _face(100, 100, 80)
    once, again = _face(600, 0, 60, 0.7), _face(604, 3, 60, 0.8)
    coarse, other = _face(602, 6, 60, 0.95), _face(900, 0, 50)
    kept = merged([large, coarse, other], [part, once, again], LARGEST_PX)
    assert kept == [large, again, other]


@pytest.mark.parametrize("turn", [0, *TURNS])
def test_a_turn_is_undone_and_the_face_tells_it(turn):
    size = (400, 700)
    face = _face(50, 20)
    back = turned_back(face, size, turn)
    # Where the pixel at the face's left eye comes from.
    marked = np.zeros((*size, 3), np.uint8)
    x, y = np.floor(back.landmarks[0] - 0.5).astype(int)
    marked[y : y + 2, x : x + 2] = 255
    rows, columns, _ = np.nonzero(turned(marked, turn))
    assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], face.landmarks[0], atol=1)
    assert turn_for(back) == turn
    assert abs(lean(back)) == pytest.approx({0: 0, 90: 90, 180: 180, 270: 90}[turn], abs=1e-4)


def test_heads_that_lean_either_way_are_both_kept():
    left, right = (turned_back(_face(50, 50), (1000, 1000), turn) for turn in (90, 270))

    class Lying(Counting):
        def detect(self, batch):
            self.seen += batch
            return [[left, right]] if len(self.seen) == 1 else [[_face(50, 50)]]

    found = find(reader_of(np.zeros((1000, 1000, 3), np.uint8)), Lying(), DEFAULT)
    assert found.turn in (90, 270)
    assert len(found.faces) == 2


def test_a_weak_find_in_a_turned_photo_does_not_count():
    class Weak(Counting):
        def detect(self, batch):
            self.seen += batch
            score = finding.TURNED_SCORE - 0.01
            return [[] if len(self.seen) == 1 else [_face(score=score)] for _ in batch]

    detector = Weak()
    found = find(reader_of(np.zeros((600, 600, 3), np.uint8)), detector, DEFAULT)
    assert (found.faces, found.turn, len(detector.seen)) == ([], 0, 5)
