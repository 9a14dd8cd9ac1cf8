from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from retrieve.errors import WeightsError
from retrieve.networks.quantize import _steps, observed_tensors, quantize
from retrieve.networks.runtime import NetworkSpec, OnnxNetwork, export


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv1 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv2.weight.data[3] = 0  # a channel without any weight
        self.fc = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(torch.relu(self.stem(x)), 2)
        branch = self.conv2(torch.relu(self.conv1(x)))
        short = nn.functional.pad(nn.functional.avg_pool2d(x, 2), (0, 0, 0, 0, 0, 8))
        return self.fc(torch.relu(branch + short).mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def model() -> bytes:
    return export(NetworkSpec("residual", "0" * 64, Residual, (3, 16, 16)))


def observed(model: bytes, batch: np.ndarray) -> dict[str, tuple[float, float]]:
    names = observed_tensors(model)
    proto = onnx.load_from_string(model)
    proto.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names[1:])
    values = [batch, *OnnxNetwork(proto.SerializeToString(), 1)(batch)[1:]]
    return {name: (float(v.min()), float(v.max())) for name, v in zip(names, values, strict=True)}


def test_eight_bits_come_close_to_float(model):
    batch = np.random.default_rng(0).uniform(0, 255, (32, 3, 16, 16)).astype(np.float32)
    small = quantize(model, observed(model, batch))
    (want,), (got,) = OnnxNetwork(model, 1)(batch), OnnxNetwork(small, 1)(batch)
    assert np.abs(got - want).max() < 0.02 * np.abs(want).max()


def test_two_products_fit_in_sixteen_bits(model):
    """What a processor without VNNI adds them in; its fast kernels would overflow."""
    batch = np.random.default_rng(0).uniform(0, 255, (8, 3, 16, 16)).astype(np.float32)
    graph = onnx.load_from_string(quantize(model, observed(model, batch))).graph
    weights = [onnx.numpy_helper.to_array(t) for t in graph.initializer if t.data_type == 3]
    largest = [int(np.abs(w.astype(int)).max()) for w in weights if w.ndim == 4]
    assert len(largest) == 3
    assert 2 * 255 * max(largest) < 2**15


def test_a_step_loses_no_more_than_that_of_the_largest_weight():
    weight = np.random.default_rng(0).standard_t(3, (16, 8, 3, 3)).astype(np.float32)

    def lost(steps):
        rows = steps[:, None, None, None]
        return ((np.clip(np.rint(weight / rows), -64, 64) * rows - weight) ** 2).sum((1, 2, 3))

    widest = np.abs(weight).max(axis=(1, 2, 3)) / 64
    assert (lost(_steps(weight)) <= lost(widest) * (1 + 1e-6)).all()
    assert lost(_steps(weight)).sum() < lost(widest).sum()


def test_no_tensor_before_a_relu_is_rounded(model):
    # Input, three outputs of ReLUs that feed a convolution or pooling, both addends.
    produced = {n.output[0]: n.op_type for n in onnx.load_from_string(model).graph.node}
    kinds = [produced.get(name, "input") for name in observed_tensors(model)]
    assert kinds == ["input", "Relu", "Relu", "Conv", "AveragePool"]


def test_ranges_of_another_graph_are_refused(model):
    with pytest.raises(WeightsError, match="observe them again"):
        quantize(model, {"input": (0.0, 1.0)})
