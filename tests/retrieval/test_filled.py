"""Weights put into a graph that has none, held to the package onnx."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retrieve.networks.filled import filled
from retrieve.networks.runtime import OnnxNetwork

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def graph() -> bytes:
    """input @ weight + bias, neither of which it holds."""
    float32 = onnx.TensorProto.FLOAT
    node = onnx.helper.make_node("Gemm", ["input", "weight", "bias"], ["output"])
    made = onnx.helper.make_graph(
        [node],
        "graph",
        [onnx.helper.make_tensor_value_info("input", float32, ["n", 300])],
        [onnx.helper.make_tensor_value_info("output", float32, ["n", 2])],
    )
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    # Not contiguous, as a transposed array is.
    weight = rng.normal(size=(2, 300)).astype(np.float32).T
    return {"weight": weight, "bias": np.array([1, -1], np.float32)}


def test_the_weights_are_in_the_model(graph, arrays):
    model = onnx.load_from_string(filled(graph, arrays))
    onnx.checker.check_model(model)
    held = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    assert held.keys() == arrays.keys()
    for name, array in arrays.items():
        assert_array_equal(held[name], array)


def test_the_model_computes_with_them(graph, arrays):
    batch = np.random.default_rng(1).normal(size=(3, 300)).astype(np.float32)
    (got,) = OnnxNetwork(filled(graph, arrays))(batch)
    np.testing.assert_allclose(got, batch @ arrays["weight"] + arrays["bias"], atol=1e-4)


def test_progress_counts_the_bytes_of_the_weights(graph, arrays):
    told = []
    filled(graph, arrays, lambda done, of: told.append((done, of)))
    assert told == [(2400, 2408), (2408, 2408)]
