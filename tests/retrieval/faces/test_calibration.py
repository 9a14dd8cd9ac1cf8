"""What a score means belongs to the weights and the detector that it was fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from retrieve.faces.calibration import SHIPPED, SUFFIX, find, load
from retrieve.faces.detection.detect import DETECTORS
from retrieve.faces.embedding.embed import open_embedder
from retrieve.networks.exports import record
from retrieve.networks.weights import TABLE

SHIPPING = [one.name for one in record(SHIPPED) if TABLE[one.name].dim is not None]


@pytest.fixture(autouse=True)
def no_calibration_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setattr("retrieve.faces.calibration._user_folder", lambda: tmp_path)


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("name", SHIPPING)
def test_an_embedder_that_ships_is_calibrated_for_every_detector(name, detector):
    sha256 = TABLE[name].sha256
    found = find(sha256, detector)
    assert (found.embedder, found.embedder_sha256, found.detector) == (name, sha256, detector)
    thresholds = list(found.thresholds.values())
    assert thresholds == sorted(thresholds)
    assert found.probability(found.threshold) > 0.5


@pytest.mark.parametrize("detector", DETECTORS)
def test_each_has_a_calibration_of_its_own(detector):
    """A score of .6 is one person to mobilefacenet, and strangers to dlib-resnet."""
    chances = [find(TABLE[name].sha256, detector).probability(0.6) for name in SHIPPING]
    told = dict(zip(SHIPPING, np.round(chances, 2).tolist(), strict=True))
    assert {name: told[name] for name in ("dlib-resnet", "mobilefacenet")} == {
        "dlib-resnet": 0.0,
        "mobilefacenet": 1.0,
    }


def test_other_weights_or_another_detector_have_none():
    assert find("0" * 64, "mtcnn") is None
    assert find(TABLE["mobilefacenet"].sha256, "hog") is None
    assert find("", "mtcnn") is None


def test_every_file_is_found_by_what_it_says(tmp_path):
    for path in SHIPPED.glob(f"*{SUFFIX}"):
        one = load(path)
        assert path.name == f"{one.embedder}-{one.detector}{SUFFIX}"
        assert find(one.embedder_sha256, one.detector) == one


def test_rates_that_fewer_than_ten_pairs_show_are_not_claimed():
    for name in SHIPPING:
        found = find(TABLE[name].sha256, "mtcnn")
        assert min(map(float, found.thresholds)) * found.impostor >= 10


def test_the_embedder_names_the_weights_that_its_calibration_was_fitted_on():
    assert find(open_embedder("mobilefacenet").weights_sha256, "mtcnn").embedder == "mobilefacenet"
