"""Damaged photos: what changes, how much, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from retrieve.evaluation.faces.damages import KINDS, Damage, damaged, every_damage
from retrieve.types import Face

EYES, NOSE, MOUTH = ((80, 100), (120, 100)), (100, 124), ((84, 144), (116, 144))


def face(turn: float = 0.0) -> Face:
    """40 px between the eyes, 80 px wide, turned by so many degrees around the middle."""
    points = np.array([*EYES, NOSE, *MOUTH], np.float64) - 100
    angle = np.radians(turn)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    landmarks = (points @ matrix + 100).astype(np.float32)
    return Face(np.array([60, 60, 140, 170], np.float32), landmarks, 0.99)


def photo() -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(90, 160, (220, 200, 3), np.uint8))


def changed(name: str, strength: float = 1, *, turn: float = 0.0) -> np.ndarray:
    return np.asarray(damaged(photo(), face(turn), Damage(name, strength), 0))


@pytest.mark.parametrize("damage", every_damage(), ids=lambda one: one.name)
def test_every_damage_changes_the_photo_and_the_same_each_time(damage):
    before = photo()
    one, other = (damaged(before, face(), damage, 7) for _ in range(2))
    assert_array_equal(np.asarray(one), np.asarray(other))
    assert one.mode == "RGB"
    assert one.size != before.size or np.any(np.asarray(one) != np.asarray(before))
    assert_array_equal(np.asarray(before), np.asarray(photo()))  # the photo itself stays


def test_another_seed_makes_other_noise():
    one, other = (damaged(photo(), face(), Damage("noise", 40), seed) for seed in (1, 2))
    assert np.any(np.asarray(one) != np.asarray(other))


def test_noise_has_the_deviation_that_is_stated():
    grey = Image.new("RGB", (200, 200), (128, 128, 128))
    noisy = np.asarray(damaged(grey, face(), Damage("noise", 20), 0), np.float64)
    assert_allclose([noisy.mean(), noisy.std()], [128, 20], atol=0.5)


@pytest.mark.parametrize("parts", KINDS["dark"].strengths)
def test_a_dark_photo_has_a_part_of_the_light(parts):
    def light(pixels):
        value = np.asarray(pixels, np.float64) / 255
        return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).mean()

    before = Image.new("RGB", (200, 200), (200, 200, 200))
    after = damaged(before, face(), Damage("dark", parts), 0)
    assert_allclose(light(after) * parts, light(before), rtol=0.06)


def test_a_far_face_is_as_wide_as_stated_and_a_smaller_one_stays():
    assert damaged(photo(), face(), Damage("far", 40), 0).size == (100, 110)  # 80 px were wide
    assert damaged(photo(), face(), Damage("far", 200), 0).size == (200, 220)


def test_blur_is_in_the_width_of_the_face():
    step = np.zeros((220, 200, 3), np.uint8)
    step[:, 100:] = 255
    row = np.asarray(damaged(Image.fromarray(step), face(), Damage("blur", 10), 0))[110, :, 0]
    slope = np.diff(row.astype(np.float64))
    places = np.arange(len(slope))
    middle = (places * slope).sum() / slope.sum()
    spread = np.sqrt((slope * (places - middle) ** 2).sum() / slope.sum())
    assert_allclose(spread, 8, atol=0.4)  # a tenth of 80 px


@pytest.mark.parametrize("turn", [0, 35, -60])
def test_glasses_cover_the_eyes_and_a_mask_nose_and_mouth(turn):
    eyes, nose, mouth = np.split(face(turn).landmarks.round().astype(int), [2, 3])
    glasses, mask = (changed(name, turn=turn) for name in ("sunglasses", "mask"))
    whole = np.asarray(photo())

    def same(pixels, points):
        return [bool(np.all(pixels[y, x] == whole[y, x])) for x, y in points.tolist()]

    assert (same(glasses, eyes), same(glasses, nose), same(glasses, mouth)) == (
        [False] * 2, [True], [True] * 2,
    )  # fmt: skip
    assert (same(mask, eyes), same(mask, nose), same(mask, mouth)) == (
        [True] * 2, [False], [False] * 2,
    )  # fmt: skip


def test_what_is_drawn_may_reach_beyond_the_photo():
    corner = Face(face().box - 90, face().landmarks - 90, 0.99)
    small = Image.new("RGB", (60, 60))
    for name in ("sunglasses", "mask"):
        assert damaged(small, corner, Damage(name, 1), 0).size == (60, 60)
