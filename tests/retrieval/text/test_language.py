"""The language model in numpy against the module in torch, and its file."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import toy_language
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, WeightsError
from retrieve.text.language.generate import likely
from retrieve.text.language.model import SHIPPED, open_language, quantize
from retrieve.text.language.pieces import SHIPPED_SHA256


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    path = tmp_path_factory.mktemp("language") / "toy.safetensors"
    module = toy_language.write_random(path)
    return open_language(str(path)), module


def _torch(module, ids):
    import torch

    with torch.no_grad():
        found, _ = module(torch.from_numpy(ids))
    return found.numpy()


def test_numpy_and_torch_give_the_same_probabilities(both):
    model, module = both
    ids = np.random.default_rng(1).integers(0, len(model), (9, 3))
    state = model.read(model.start(3), ids)
    start = np.array([[model.pieces.end] * 3, [model.pieces.start] * 3])
    want = np.exp(_torch(module, np.concatenate([start, ids]))[-1])
    assert_allclose(model.next_pieces(state), want, rtol=2e-4, atol=1e-7)


def test_probabilities_sum_to_one(both):
    model, _ = both
    assert_allclose(model.next_pieces(model.start(4)).sum(axis=1), 1, rtol=1e-5)


def test_losses_are_the_logarithms_of_the_probabilities(both):
    model, module = both
    generator = np.random.default_rng(2)
    texts = [generator.integers(0, len(model), length) for length in (17, 0, 40)]
    for ids, losses in zip(texts, model.losses(texts, steps=7), strict=True):
        stream = np.array([[model.pieces.end, model.pieces.start, *ids]]).T
        logs = _torch(module, stream)[1:-1, 0]
        assert_allclose(losses, -logs[np.arange(len(ids)), ids], rtol=2e-4, atol=1e-5)


def test_reading_in_two_goes_is_reading_in_one(both):
    model, _ = both
    ids = np.arange(10).reshape(-1, 1) + 259
    at_once = model.read(model.start(), ids)
    in_two = model.read(model.read(model.start(), ids[:4]), ids[4:])
    assert_allclose(in_two.outputs, at_once.outputs, rtol=1e-5, atol=1e-6)


def test_eight_bits_are_half_a_step_off_at_most():
    matrix = np.random.default_rng(3).normal(size=(20, 30)).astype(np.float32)
    codes, scales = quantize(matrix)
    assert codes.dtype == np.int8
    assert (np.abs(codes * scales[:, None] - matrix) <= 0.5001 * scales[:, None]).all()


def test_a_changed_byte_is_found(both, tmp_path):
    path = tmp_path / "toy.safetensors"
    toy_language.write_random(path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged: array"):
        open_language(str(path))


def test_a_foreign_file_and_an_unknown_name_are_said(tmp_path):
    path = tmp_path / "text.safetensors"
    path.write_text("no model")
    with pytest.raises(WeightsError, match="does not hold a language model"):
        open_language(str(path))
    with pytest.raises(BadInput, match="no language model is called 'klingon'"):
        open_language("klingon")


def test_the_shipped_model_is_the_one_of_its_card_and_small():
    card = SHIPPED.with_name("es.language.md").read_text("utf-8")
    assert f"`{hashlib.sha256(SHIPPED.read_bytes()).hexdigest()}`" in card
    assert SHIPPED.stat().st_size <= 20_000_000
    assert open_language().pieces.sha256 == SHIPPED_SHA256


def test_the_shipped_model_knows_how_naciones_goes_on():
    first, second, *_ = likely(open_language(), "la última resolución de las Naciones")
    assert first.piece == "▁Unidas"
    assert first.probability > 0.5 > second.probability
