from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from retrieve.faces.quality import measure, sharpness
from retrieve.types import Face

FRONTAL = np.array([[40, 50], [80, 50], [60, 72], [45, 92], [75, 92]], np.float32)


def _face(scale=1.0, turn=0.0, score=1.0):
    landmarks = FRONTAL.copy()
    landmarks[2, 0] += turn * 40
    landmarks *= scale
    return Face(np.array([20, 20, 100, 110], np.float32) * scale, landmarks, score)


@pytest.fixture(scope="module")
def crop():
    """Blotches of a few pixels, as eyes and lips are in a crop."""
    rng = np.random.default_rng(0)
    blotches = Image.fromarray(rng.integers(40, 220, (40, 40, 3), np.uint8))
    return np.asarray(blotches.resize((150, 150), Image.Resampling.BICUBIC))


def test_blur_lowers_quality(crop):
    image = Image.fromarray(crop)
    blurred = [np.asarray(image.filter(ImageFilter.GaussianBlur(r))) for r in (0, 2, 4, 8)]
    totals = [measure(_face(), pixels).total for pixels in blurred]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] > 0.9
    assert totals[-1] < 0.6


def test_contrast_and_light_hardly_matter(crop):
    pale = (crop * 0.3 + 120).astype(np.uint8)
    assert sharpness(pale) == pytest.approx(sharpness(crop), abs=0.02)


def test_small_and_turned_and_doubtful_faces_are_worse(crop):
    best = measure(_face(), crop).total
    for worse in (_face(scale=0.3), _face(turn=0.4), _face(score=0.7)):
        assert measure(worse, crop).total < best
    assert measure(_face(scale=0.1), crop).total < measure(_face(scale=0.3), crop).total


def test_tilting_the_head_does_not_matter(crop):
    turn = np.array([[0, 1], [-1, 0]], np.float32)
    tilted = Face(_face().box, FRONTAL @ turn, 1.0)
    assert measure(tilted, crop).total == pytest.approx(measure(_face(), crop).total)


def test_quality_stays_between_0_and_1_for_nonsense():
    flat = np.zeros((150, 150, 3), np.uint8)
    for face in (_face(turn=9), _face(scale=100), Face(np.zeros(4), np.zeros((5, 2)), 0.0)):
        assert 0 <= measure(face, flat).total <= 1
