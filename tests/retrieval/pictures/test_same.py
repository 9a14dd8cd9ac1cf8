"""Pictures that were changed are told from different ones, and from shots of one scene."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from retrieve.pictures.same.compared import compare
from retrieve.pictures.same.fitting import precise
from retrieve.pictures.same.marks import SKETCH_PX, coloured, marks, sharpness, sketch, unframed
from retrieve.pictures.same.matching import inverse, similarity


def _drawn(seed):
    """A picture of 300 x 240 pixels full of ellipses and bars."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:240, 0:300]
    pixels = np.full((240, 300, 3), 128, np.float64)
    for _ in range(90):
        cx, cy, a, b = rng.uniform((0, 0, 6, 6), (300, 240, 34, 34))
        inside = ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1
        pixels[inside] = rng.uniform(0, 255, 3)
    return Image.fromarray(pixels.astype(np.uint8))


def _fit(one, other):
    a, b = (sketch(np.asarray(image)) for image in (one, other))
    return compare(a, b, marks(a), marks(b))


CHANGES = {
    "smaller": lambda image: image.resize((150, 120)),
    "cropped": lambda image: image.crop((60, 30, 280, 220)),
    "mirrored": ImageOps.mirror,
    "turned by a quarter": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by 5 degrees": lambda image: image.rotate(5, Image.Resampling.BICUBIC),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "framed": lambda image: ImageOps.expand(image, 40, "white"),
    "darker": lambda image: image.point(lambda value: value * 0.6),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_picture_is_the_same_either_way_round(change):
    image = _drawn(1)
    changed = CHANGES[change](image)
    there, back = _fit(image, changed), _fit(changed, image)
    assert there.one_picture
    assert back.one_picture
    assert there.area * back.area == pytest.approx(1, rel=0.03)


def test_a_picture_painted_over_in_a_third_is_the_same():
    image = _drawn(1)
    over = image.copy()
    over.paste("black", (0, 0, 300, 80))
    fit = _fit(image, over)
    assert fit.one_picture
    assert 0.5 < fit.same < 0.75


def test_different_pictures_are_not_one():
    found = [_fit(_drawn(seed), _drawn(seed + 1)) for seed in range(10, 16)]
    assert not any(fit is not None and fit.one_picture for fit in found)


def test_a_scene_in_which_something_moved_is_not_one_picture():
    """As in a burst: all is where it was, but for what fills two fifths of the picture."""
    image = _drawn(2)
    shot = image.copy()
    shot.paste(image.crop((70, 30, 240, 220)), (76, 34))
    fit = _fit(image, shot)
    assert not fit.one_picture
    assert fit.moved > 0.3
    assert fit.covered > 0.9


def test_how_much_finer_one_shows_what_both_show():
    image = _drawn(3)
    fit = _fit(image, image.crop((0, 0, 150, 120)))  # a quarter of it, as large a sketch
    assert fit.area == pytest.approx(4, rel=0.03)
    assert fit.covered > 0.95


def test_a_picture_of_nothing_has_no_marks_and_lies_on_nothing():
    blank = Image.new("RGB", (300, 200), "white")
    assert len(marks(sketch(np.asarray(blank)))) == 0
    assert _fit(blank, blank) is None
    assert unframed(sketch(np.asarray(blank))) == 0


@pytest.mark.parametrize("size", [(1, 1), (2000, 1), (1, 900), (16, 16)])
def test_tiny_and_thin_pictures_have_sketches(size):
    pixels = np.asarray(Image.new("RGB", size, "red"))
    grey = sketch(pixels)
    assert max(grey.shape) == SKETCH_PX
    assert len(marks(grey)) == 0
    assert sharpness(pixels) == 0


def test_a_frame_counts_nothing_of_what_a_picture_shows():
    image = _drawn(4)
    framed = ImageOps.expand(image, 60, "white")
    plain = unframed(sketch(np.asarray(image))) * 300 * 240
    assert unframed(sketch(np.asarray(framed))) * 420 * 360 == pytest.approx(plain, rel=0.05)


def test_the_blurred_one_is_less_sharp():
    image = _drawn(5)
    soft = image.resize((150, 120)).resize((300, 240))
    assert sharpness(np.asarray(soft)) < 0.8 * sharpness(np.asarray(image))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_similarity_is_found_again(mirrored):
    rng = np.random.default_rng(0)
    src = rng.uniform(0, 100, (20, 2)).astype(np.float32)
    linear = 0.7 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    linear = linear @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    dst = (src @ linear.T + [5, -3]).astype(np.float32)
    found = similarity(src, dst, mirrored)
    np.testing.assert_allclose(found, np.column_stack([linear, [5, -3]]), atol=1e-4)


def test_a_fit_becomes_precise_to_half_a_pixel():
    a = sketch(np.asarray(_drawn(6))).astype(np.float32)
    true = np.array([[0.98, 0.01, 2.5], [-0.02, 1.01, -1.5]])
    back = inverse(true)
    image = Image.fromarray(a)
    warped = image.transform(image.size, Image.Transform.AFFINE, back.reshape(-1), 2)
    found = precise(a, np.asarray(warped), np.eye(2, 3))
    corners = np.array([[20, 20, 1], [150, 120, 1]]).T
    np.testing.assert_allclose(found @ corners, true @ corners, atol=0.5)


def test_a_grey_copy_has_no_colours_whatever_jpeg_makes_of_it():
    drawn = np.zeros((40, 40, 3), np.uint8)
    drawn[:, 20:] = (200, 60, 20)
    assert coloured(drawn)
    grey = Image.fromarray(drawn).convert("L").convert("RGB")
    kept = io.BytesIO()
    grey.save(kept, "JPEG", quality=30)
    assert not coloured(np.asarray(Image.open(kept).convert("RGB")))
