"""The embedder of whole photos: what it gives is what torch gave, whatever a photo's size."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file, save_file

from retrieve.errors import BadInput, WeightsError
from retrieve.networks import exports
from retrieve.networks.runtime import open_network
from retrieve.networks.weights import TABLE
from retrieve.pictures.embedding import embed, space
from retrieve.pictures.embedding.classes import DATA
from retrieve.pictures.embedding.prepared import GREY, square
from retrieve.training.pictures.__main__ import made_pictures
from retrieve.training.pictures.space import fit

FIXTURE = Path(__file__).parents[2] / "fixtures" / "pictures.safetensors"


@pytest.fixture(scope="module")
def embedder():
    return embed.open_picture_embedder()


def _noise(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 255, (-(-height // 20), -(-width // 20), 3))
    return np.kron(coarse, np.ones((20, 20, 1))).astype(np.uint8)[:height, :width]


def test_the_file_is_the_one_of_the_record_and_of_the_card():
    (one,) = exports.record(DATA)
    content = (DATA / one.file).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (one.size_bytes, one.sha256)
    row = TABLE[embed.NAME]
    assert (one.weights, one.weights_sha256, one.licence) == (
        str(row.source),
        row.sha256,
        row.licence,
    )
    card = (DATA / "efficientnet-lite0.md").read_text("utf-8")
    assert f"`{one.file}`, {one.size_bytes / 1e6:.2f} MB" in card


def test_eight_bits_give_what_they_gave_elsewhere_and_nearly_what_float_gave():
    recorded = load_file(FIXTURE)
    features, classes = open_network(embed.network_spec(), precision="int8")(made_pictures())
    for got, name, least in (
        (features, "int8.features", 0.9995),
        (features, "float32.features", 0.94),  # of photos the mean is .973
    ):
        want = recorded[name]
        lengths = np.linalg.norm(got, axis=1) * np.linalg.norm(want, axis=1)
        assert ((got * want).sum(axis=1) / lengths).min() > least
    assert_allclose(classes, recorded["int8.classes"], atol=0.02)
    assert_allclose(classes.sum(axis=1), 1, atol=1e-4)


def test_an_embedding_has_length_1_and_classes_fall(embedder):
    first, second = embedder.look([_noise(300, 400), _noise(40, 900, 1)])
    for shown in (first, second):
        assert shown.embedding.shape == (embedder.dim,)
        assert shown.embedding.dtype == np.float32
        assert_allclose(np.linalg.norm(shown.embedding), 1, atol=1e-6)
        likely = [one.probability for one in shown.classes]
        assert likely == sorted(likely, reverse=True)
        assert all(p >= 0.01 for p in likely)
    (again,) = embedder.look([_noise(300, 400)])
    assert_allclose(again.embedding @ first.embedding, 1, atol=1e-6)
    assert embedder.look([]) == []


def test_a_smaller_copy_looks_alike_and_another_picture_does_not(embedder):
    y, x = np.mgrid[:600, :800]
    pixels = np.stack([x * 255 // 800, y * 255 // 600, np.full_like(x, 128)], 2).astype(np.uint8)
    pixels[(x - 300) ** 2 + (y - 300) ** 2 < 150**2] = (250, 220, 30)
    board = np.repeat(np.where((x // 80 + y // 80) % 2, 230, 20)[..., None], 3, axis=2)
    shown = embedder.look([pixels, pixels[::2, ::2], pixels[:, ::-1], board.astype(np.uint8)])
    half, mirrored, other = (float(shown[0].embedding @ one.embedding) for one in shown[1:])
    assert half > 0.95
    assert mirrored > 0.9
    assert other < 0.4


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (224, 224), (5000, 3)])
def test_any_size_becomes_the_square(size):
    planes = square(np.full((*size, 3), 200, np.uint8), 224)
    assert planes.shape == (3, 225, 225)
    assert_allclose(planes[:, :224, :224], 200)
    assert (planes[:, 224] == GREY).all()
    assert (planes[:, :, 224] == GREY).all()


def test_a_collection_knows_the_weights_and_the_space(monkeypatch):
    before = embed.made_by()
    assert before["picture_embedder"] == embed.NAME
    monkeypatch.setattr(space, "sha256", lambda: "0" * 64)
    embed.made_by.cache_clear()
    assert embed.made_by() != before
    embed.made_by.cache_clear()


@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_a_damaged_space_is_refused(monkeypatch, tmp_path, content):
    path = tmp_path / "space.safetensors"
    if content is None:
        save_file({"mean": np.zeros(3, np.float32), "directions": np.zeros((2, 2))}, path)
    else:
        path.write_bytes(content)
    monkeypatch.setattr(space, "FILE", path)
    space.shipped.cache_clear()
    with pytest.raises(WeightsError, match="Install retrieve again"):
        space.shipped()
    space.shipped.cache_clear()


def test_whitening_makes_what_all_share_count_little():
    rng = np.random.default_rng(0)
    common = rng.uniform(0, 5, (1, 40)) * rng.uniform(0.5, 2, (600, 1))
    features = (common + rng.uniform(0, 1, (600, 40))).astype(np.float32)
    arrays = fit(features, 20)
    made = space.Space(arrays["mean"], arrays["directions"].astype(np.float32))
    rows = made.embeddings(features)
    scores = (rows @ rows.T)[np.triu_indices(600, 1)]
    plain = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert np.abs(scores).mean() < 0.3 < (plain @ plain.T)[np.triu_indices(600, 1)].mean()
    # The very middle of all photos has no direction, and gets one.
    assert_allclose(np.linalg.norm(made.embeddings(np.square(made.mean)[None])), 1, atol=1e-5)


def test_a_space_of_few_photos_is_refused():
    with pytest.raises(BadInput, match="500 different photos"):
        fit(np.ones((10, 40), np.float32), 8)


def test_the_ranges_are_those_of_the_network_that_ships():
    ranges = json.loads(embed.INT8_RANGES.read_text())
    assert ranges["input"] == [0.0, 255.0]
    assert sum("Clip" in name for name in ranges) == 33
