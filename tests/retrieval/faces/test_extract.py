"""Faces cut out of photos: the same on every processor."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import retrieve
from retrieve.faces.embedding.align import align
from retrieve.faces.embedding.views import PICTURE
from retrieve.faces.extract import Faces, steady
from retrieve.sample_data.album import draw_portrait
from retrieve.sources import reader_of
from retrieve.types import Face


@pytest.fixture(scope="module")
def faces():
    return retrieve.detect(draw_portrait(9, 59))


def _moved(faces, by):
    """The same faces where a processor with other instructions would find them."""
    moved = [Face(face.box, steady(face.landmarks) + by, face.score) for face in faces]
    return Faces(reader_of(faces.photo.pixels), faces.photo, moved, faces.detector)


def test_the_last_digits_of_landmarks_change_no_pixel(faces):
    noise = np.random.default_rng(0).uniform(-5e-5, 5e-5, (5, 2)).astype(np.float32)
    (one,), (other,) = (_moved(faces, by).crops([PICTURE]) for by in (np.float32(0), noise))
    assert_array_equal(one, other)
    # Without rounding such digits do change pixels.
    scale = faces.photo.scale
    cut = [
        align(faces.photo.pixels, (f.landmarks + by) * scale, PICTURE.template, PICTURE.size_px)
        for f in faces
        for by in (np.float32(0), 40 * noise)
    ]
    assert (cut[0] != cut[1]).any()


def test_rounding_moves_a_landmark_by_a_32nd_of_a_pixel_at_most(faces):
    landmarks = faces[0].landmarks
    assert np.abs(steady(landmarks) - landmarks).max() <= 1 / 32
    assert steady(landmarks).dtype == np.float32
