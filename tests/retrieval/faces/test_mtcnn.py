from __future__ import annotations

import csv
from pathlib import Path

import facenet_oracle
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from retrieve import photos
from retrieve.errors import BadInput
from retrieve.faces.detection.boxes import overlap
from retrieve.faces.detection.detect import open_detector
from retrieve.faces.detection.mtcnn import REFERENCE, network_specs, open_mtcnn
from retrieve.faces.detection.sample import AreaSampler
from retrieve.networks import weights

PHOTOS = Path(__file__).parents[4] / "shared" / "photos"
needs_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason="../shared/photos is not here")


@pytest.fixture(scope="module")
def detector():
    return open_detector("mtcnn")


def _boxes(faces):
    return np.array([face.box for face in faces], np.float32).reshape(-1, 4)


@pytest.mark.parametrize("i", range(3))
def test_the_networks_agree_with_facenet_pytorchs_key_for_key(i):
    reference = facenet_oracle.open_reference()
    theirs = [reference.pnet, reference.rnet, reference.onet][i]
    spec = network_specs()[i]
    ours = spec.build()
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    pixels = torch.rand(spec.shape(3, 60)) * 255
    with torch.no_grad():
        *expected, scores = theirs((pixels - 127.5) * 0.0078125)
        got_scores, *got = ours(pixels)
    assert_allclose(got_scores, scores[:, 1:], atol=1e-5)
    # O-net's reference gives shifts, landmarks, scores; ours scores first.
    for mine, other in zip(got, expected, strict=True):
        assert_allclose(mine, other, atol=1e-5)


def test_areas_are_averaged_as_torch_averages_them():
    pixels = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    sampler = AreaSampler(pixels)
    expected = torch.nn.functional.interpolate(planes, size=(22, 30), mode="area")
    assert_allclose(sampler.level(0.3525), expected[0].permute(1, 2, 0), rtol=1e-6)
    low, high = np.array([[5, 7], [60, 2]]), np.array([[70, 50], [71, 13]])
    for crop, (x0, y0), (x1, y1) in zip(sampler.crops(low, high, 24), low, high, strict=True):
        part = planes[:, :, y0:y1, x0:x1]
        expected = torch.nn.functional.interpolate(part, size=(24, 24), mode="area")
        assert_allclose(crop, expected[0].permute(1, 2, 0), rtol=1e-6)


@needs_photos
def test_the_faces_of_facenet_pytorch_are_found_at_the_same_settings():
    torch.set_num_threads(1)
    reference = facenet_oracle.open_reference(min_face_size=20)
    ours = open_mtcnn(settings=REFERENCE)
    names = ["compreface/*.jpg", "groups/*.jpg", "congress/query_2024/*5.jpg", "nasa/*/*.png"]
    shares, shifts = [], []
    for path in sorted(path for name in names for path in PHOTOS.glob(name)):
        pixels = photos.read(path).pixels
        boxes, landmarks, _ = facenet_oracle.detect(reference, pixels)
        faces = ours.detect([pixels])[0]
        shared = overlap(boxes.astype(np.float32), _boxes(faces))
        shares += shared.max(axis=1, initial=0).tolist()
        for i in np.flatnonzero(shared.max(axis=1, initial=0) >= 0.95):
            mine = faces[int(shared[i].argmax())].landmarks
            shifts.append(np.abs(mine - landmarks[i]).max() / (boxes[i, 2] - boxes[i, 0]))
    assert len(shares) > 90
    assert np.mean(np.array(shares) >= 0.95) >= 0.99
    assert np.quantile(shifts, 0.99) < 1e-4


@needs_photos
def test_every_nose_of_compreface_is_in_a_face_and_the_empty_photo_has_none(detector):
    with (PHOTOS / "compreface_noses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        photo = photos.read(PHOTOS / row["file"])
        noses = [np.array(nose.split(), float) for nose in row["noses_xy"].split(";") if nose]
        boxes = _boxes(detector.detect([photo.pixels])[0]) / photo.scale
        assert len(boxes) == len(noses) == int(row["n_faces"]), row["file"]
        for nose in noses:
            assert ((boxes[:, :2] <= nose) & (nose <= boxes[:, 2:])).all(axis=1).any(), row["file"]


@needs_photos
def test_all_29_of_solvay_are_found(detector):
    pixels = photos.read(PHOTOS / "groups" / "solvay1927.jpg").pixels
    assert len(detector.detect([pixels])[0]) == 29


@needs_photos
def test_nothing_is_found_where_nobody_is(detector):
    for folder in ("negatives", "immich/albums"):
        for path in sorted((PHOTOS / folder).rglob("*")):
            try:
                pixels = photos.read(path).pixels
            except photos.BadPhoto:
                continue
            assert len(detector.detect([pixels])[0]) == (path.name == "camera.png"), path.name


def test_photos_of_a_batch_do_not_disturb_each_other(detector):
    rng = np.random.default_rng(0)
    batch = [rng.integers(0, 256, shape, np.uint8) for shape in [(90, 120, 3), (60, 50, 3)]]
    together = detector.detect(batch)
    for pixels, faces in zip(batch, together, strict=True):
        assert_allclose(_boxes(faces), _boxes(detector.detect([pixels])[0]))


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 900, 3), (23, 23, 3), (24, 24, 3), (25, 27, 3)])
def test_photos_too_small_for_a_face_have_none(detector, shape):
    assert detector.detect([np.zeros(shape, np.uint8)]) == [[]]
    assert detector.detect([]) == []


def test_other_arrays_are_refused(detector):
    for wrong in (np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32)):
        with pytest.raises(BadInput, match="uint8 RGB"):
            detector.detect([wrong])


def test_an_unknown_detector_is_refused():
    with pytest.raises(BadInput, match="mtcnn, centerface"):
        open_detector("hog")


def test_the_hash_covers_all_three_networks(detector):
    assert len(detector.weights_sha256) == 64
    assert detector.weights_sha256 not in {row.sha256 for row in weights.TABLE.values()}
