from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from retrieve.errors import WeightsError
from retrieve.faces.embedding.dlib_weights import parse
from retrieve.models.dlib_resnet import DlibResNet
from retrieve.networks import weights

PATH = weights.locate("dlib-resnet")
DATA = PATH.read_bytes()


@pytest.fixture(scope="module")
def network() -> DlibResNet:
    module = DlibResNet().eval()
    module.load_state_dict({name: torch.from_numpy(a) for name, a in parse(DATA).items()})
    return module


def test_the_network_agrees_with_dlib(network, face_like_crops):
    dlib = pytest.importorskip("dlib")
    oracle = dlib.face_recognition_model_v1(str(PATH))
    expected = np.array(oracle.compute_face_descriptor(list(face_like_crops)))
    with torch.inference_mode():
        planes = torch.from_numpy(face_like_crops.transpose(0, 3, 1, 2).astype(np.float32))
        got = network(planes).numpy()
    assert_allclose(got, expected, atol=1e-5)
    # The crops differ enough for the comparison to mean something.
    assert np.ptp(expected, axis=0).max() > 0.1


@pytest.fixture
def face_like_crops() -> np.ndarray:
    """(6, 150, 150, 3): smooth colours, noise, the darkest and the brightest picture."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:150, 0:150] / 150
    waves = [
        np.stack([np.sin(a * x + b * y + c) for c in range(3)], axis=-1)
        for a, b in rng.uniform(1, 20, (3, 2))
    ]
    smooth = [(127 * (wave + 1)).astype(np.uint8) for wave in waves]
    noise = rng.integers(0, 256, (150, 150, 3), np.uint8)
    return np.stack([*smooth, noise, np.zeros_like(noise), np.full_like(noise, 255)])


def test_every_parameter_is_read():
    parameters = parse(DATA)
    expected = {name: tuple(p.shape) for name, p in DlibResNet().state_dict().items()}
    assert {name: a.shape for name, a in parameters.items()} == expected
    assert sum(a.size for a in parameters.values()) == 5_607_488


@given(size=st.integers(0, len(DATA) - 1))
def test_a_file_cut_short_is_damage(size):
    with pytest.raises(WeightsError, match="damaged"):
        parse(DATA[:size])


def test_bytes_after_the_end_are_damage():
    with pytest.raises(WeightsError, match="1 bytes too many"):
        parse(DATA + b"\0")


@pytest.mark.parametrize("data", [b"", b"\x01\x01", b"\xff" * 1000, b"PK\x03\x04" * 100])
def test_another_file_is_damage(data):
    with pytest.raises(WeightsError, match="not dlib's face network"):
        parse(data)


@given(at=st.integers(0, 600), value=st.integers(0, 255))
def test_a_wrong_byte_in_the_head_raises_nothing_but_weights_error(at, value):
    changed = DATA[:at] + bytes([value]) + DATA[at + 1 : 200_000]
    with pytest.raises(WeightsError):
        parse(changed)


def test_a_number_that_is_not_finite_is_damage():
    at = len(DATA) // 2
    nan = b"\xff" * 8  # whatever the tensor's alignment, one float32 of it is NaN
    with pytest.raises(WeightsError, match="finite"):
        parse(DATA[:at] + nan + DATA[at + len(nan) :])
