from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image, ImageDraw, ImageFilter

from retrieve.errors import WeightsError
from retrieve.faces import quality
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
from retrieve.faces.embedding.align import align
from retrieve.faces.embedding.views import PICTURE
from retrieve.faces.quality import BINS, Quality, bin_of, measure, sharpness, terms
from retrieve.sample_data.album import draw_portrait
from retrieve.types import Face

BEST = Quality(1, 1, 1, 1, 1, 1, 1)


@pytest.fixture(scope="module")
def found():
    """A drawn portrait's face and its picture."""
    face = open_detector(DEFAULT_DETECTOR).detect([draw_portrait(3, 3)])[0][0]
    return face, _picture(draw_portrait(3, 3), face)


def _picture(pixels, face):
    return align(pixels, face.landmarks, PICTURE.template, PICTURE.size_px)


def _total(found, change):
    face, picture = found
    return measure(face, np.asarray(change(Image.fromarray(picture)))).total


def _covered(image, top, bottom):
    covered = image.copy()
    ImageDraw.Draw(covered).rectangle((0, top, image.width, bottom), fill=(128, 128, 128))
    return covered


def test_damage_lowers_quality_and_more_damage_more(found):
    clean = _total(found, lambda image: image)
    blurs = [
        _total(found, lambda image, r=r: image.filter(ImageFilter.GaussianBlur(r)))
        for r in (0, 1, 2, 4, 6)
    ]
    assert blurs == sorted(blurs, reverse=True)
    assert blurs[-1] < 0.5 < clean
    assert _total(found, lambda image: image.point(lambda value: value // 6)) < clean
    assert _total(found, lambda image: _covered(image, 94, 144)) < clean  # a mask
    assert _total(found, lambda image: _covered(image, 56, 78)) < clean  # dark glasses


def test_smaller_and_turned_faces_have_a_lower_quality(found):
    face, picture = found

    def scaled(share):
        photo = Image.fromarray(draw_portrait(3, 3))
        width, height = (round(side * share) for side in photo.size)
        small = np.asarray(photo.resize((width, height), Image.Resampling.BOX))
        smaller = Face(face.box * share, face.landmarks * np.float32(share), face.score)
        return measure(smaller, _picture(small, smaller)).total

    eyes_px = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    sizes = [scaled(px / eyes_px) for px in (40, 14, 10, 7, 4)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.5
    turned = face.landmarks.copy()
    turned[2, 0] += 0.4 * eyes_px
    frontal = measure(face, picture)
    aside = measure(Face(face.box, turned, face.score), picture)
    assert aside.pose < frontal.pose
    assert aside.total <= frontal.total


def test_tilting_the_head_does_not_matter(found):
    face, picture = found
    turn = np.array([[0, 1], [-1, 0]], np.float32)
    tilted = Face(face.box, face.landmarks @ turn, face.score)
    assert measure(tilted, picture).total == pytest.approx(measure(face, picture).total)


@pytest.mark.parametrize("part", [one.name for one in fields(Quality)])
def test_no_fault_raises_quality(part):
    steps = np.linspace(1, 0, 21)
    totals = [replace(BEST, **{part: float(step)}).total for step in steps]
    assert all(after <= before for before, after in pairwise(totals))


def test_a_face_without_fault_has_no_terms():
    assert_allclose(terms(BEST), 0)
    assert BEST.total > 0.9


def test_contrast_and_light_hardly_matter_for_sharpness(found):
    _, picture = found
    pale = (picture * 0.3 + 120).astype(np.uint8)
    assert sharpness(pale) == pytest.approx(sharpness(picture), abs=0.03)


def test_quality_stays_between_0_and_1_for_nonsense():
    flat = np.zeros((PICTURE.size_px, PICTURE.size_px, 3), np.uint8)
    for points in (np.zeros((5, 2)), np.full((5, 2), 1e6), PICTURE.template * -100):
        face = Face(np.zeros(4, np.float32), points.astype(np.float32), 0.0)
        assert 0 <= measure(face, flat).total <= 1


def test_bins_go_from_the_worst_to_the_best():
    assert [bin_of(low) for low in BINS] == list(range(len(BINS)))
    assert bin_of(1.0) == len(BINS) - 1


def test_damaged_coefficients_are_told(monkeypatch, tmp_path):
    (tmp_path / "quality.json").write_text("{}")
    monkeypatch.setattr(quality, "FITTED", tmp_path / "quality.json")
    quality._fitted.cache_clear()
    with pytest.raises(WeightsError, match="is damaged"):
        _ = BEST.total
    quality._fitted.cache_clear()
