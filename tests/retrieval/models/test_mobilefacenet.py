from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from retrieve.errors import WeightsError
from retrieve.faces.embedding.mobilefacenet_weights import parse
from retrieve.models.mobilefacenet import Bend, MobileFaceNet
from retrieve.networks import weights
from retrieve.training.originals import tensorflow_lite


@pytest.fixture(scope="module")
def data() -> bytes:
    pytest.importorskip("tflite")
    if not weights.is_present("mobilefacenet"):
        pytest.skip(f"{weights.TABLE['mobilefacenet'].source} was not fetched into the cache")
    return weights.locate("mobilefacenet").read_bytes()


@pytest.mark.parametrize("n", [1, 3])
def test_a_batch_of_crops_gives_a_batch_of_vectors(n):
    with torch.inference_mode():
        assert MobileFaceNet().eval()(torch.zeros(n, 3, 112, 112)).shape == (n, 192)


def test_shapes_on_the_way_are_those_of_the_paper():
    network = MobileFaceNet().eval()
    seen = []
    for part in (network.stem, *network.blocks, network.last, network.pool):
        part.register_forward_hook(lambda _, __, output: seen.append(tuple(output.shape[1:])))
    with torch.inference_mode():
        network(torch.zeros(1, 3, 112, 112))
    assert seen == [
        (64, 56, 56),
        *[(64, 28, 28)] * 5,
        *[(128, 14, 14)] * 7,
        *[(128, 7, 7)] * 3,
        (512, 7, 7),
        (512, 1, 1),
    ]


@pytest.mark.parametrize("slope", [0.25, 1.0, 8.9, -9.4, 2e-4])
def test_a_bend_is_a_prelu_but_for_its_slope(slope):
    z = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    prelu, bend = nn.PReLU(3, init=slope), Bend(3)
    bend.gain.data.fill_((1 - slope) / slope)
    with torch.inference_mode():
        assert_allclose(slope * bend(z), prelu(z), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" * 100, b"\xff" * 1000])
def test_another_file_is_damage(content):
    with pytest.raises(WeightsError, match="not MobileFaceNet in TensorFlow Lite"):
        parse(content)


def test_a_file_with_nothing_behind_its_head_is_damage():
    pytest.importorskip("tflite")
    with pytest.raises(WeightsError, match="or damaged"):
        parse(b"\0\0\0\0TFL3")


def test_every_parameter_is_read(data):
    found = parse(data)
    expected = {name: tuple(p.shape) for name, p in MobileFaceNet().state_dict().items()}
    assert {name: array.shape for name, array in found.items()} == expected
    assert sum(array.size for array in found.values()) == 1_032_448


@pytest.mark.parametrize("part", [0.0001, 0.1, 0.5, 0.9])
def test_a_file_cut_short_is_damage(data, part):
    with pytest.raises(WeightsError, match="or damaged"):
        parse(data[: int(len(data) * part)])


def test_the_network_agrees_with_its_file_in_an_interpreter_of_others(data):
    pytest.importorskip("ai_edge_litert")
    rng = np.random.default_rng(0)
    # Noise, the darkest and the brightest picture: what no training had.
    noise = rng.integers(0, 256, (4, 3, 112, 112)).astype(np.float32)
    batch = np.concatenate([noise, np.zeros_like(noise[:1]), np.full_like(noise[:1], 255)])
    network = MobileFaceNet().eval()
    network.load_state_dict({name: torch.from_numpy(a) for name, a in parse(data).items()})
    with torch.inference_mode():
        got = network(torch.from_numpy(batch)).numpy()
    want = tensorflow_lite(weights.locate("mobilefacenet"), batch)
    assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())
