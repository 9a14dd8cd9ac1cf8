"""What a score means belongs to the weights and the detector that it was fitted on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retrieve.errors import BadInput, WeightsError
from retrieve.faces.calibration import SHIPPED, SUFFIX, find, load, save
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, DETECTORS
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
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


@pytest.fixture
def shipped():
    return load(SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}")


def test_the_threshold_grows_with_the_gallery_and_falls_with_the_chance(shipped):
    sizes = [shipped.threshold_among([1] * N) for N in (1, 100, 400, 10_000, 1_000_000)]
    assert sizes == sorted(sizes)
    assert 0.7 < sizes[0] < sizes[-1] < 1
    assert shipped.threshold_among([1] * 100, 0.1) < sizes[1]
    for faces in ([1] * 100, [3] * 40, [1, 20]):
        least = shipped.threshold_among(faces, 0.01)
        assert shipped.chance_among(least, faces) == pytest.approx(0.01)


def test_faces_of_one_person_ask_for_less_than_as_many_people(shipped):
    of_one = shipped.threshold_among([200])
    assert shipped.threshold_among([1]) < of_one < shipped.threshold_among([1] * 200)


def test_a_calibration_without_a_curve_says_what_to_do(shipped, tmp_path):
    """As those of older versions, and of few people."""
    stated = json.loads(save(shipped, tmp_path / "whole.json").read_text())
    del stated["strangers"], stated["worse"]
    (tmp_path / "old.json").write_text(json.dumps(stated))
    old = load(tmp_path / "old.json")
    assert old.probability(0.7, quality=0.1) == old.probability(0.7) == shipped.probability(0.7)
    with pytest.raises(BadInput, match="retrieve calibrate FOLDER"):
        old.threshold_among([1])
    with pytest.raises(BadInput, match="retrieve calibrate FOLDER"):
        old.chance_among(0.8, [1])


def test_a_kept_calibration_is_what_it_was(shipped, tmp_path):
    again = load(save(shipped, tmp_path / "again.json"))
    assert again == load(save(again, tmp_path / "third.json"))
    assert again.threshold_among([1] * 50) == shipped.threshold_among([1] * 50)


def test_a_low_score_of_a_poor_face_speaks_less_against_one_person(shipped):
    """Blurred and covered faces score lower with photos of their person."""
    chances = [shipped.probability(0.7, quality) for quality in (0.1, 0.4, 0.7, 0.85, 0.95)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.75
    assert chances[-1] == shipped.probability(0.7) < 0.25


def test_a_damaged_file_is_no_calibration(tmp_path):
    for text in ("[]", "{", '{"strangers": 3}', '{"worse": [1]}'):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(WeightsError, match="not a calibration"):
            load(tmp_path / "x.json")
