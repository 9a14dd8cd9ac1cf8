"""Published files run by an interpreter that is not ours: what a network of ours has to give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.extras import optional

TOLERANCE = 1e-4  # ours against the original, relative to the largest output


def tensorflow_lite(path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a TensorFlow Lite file of fixed batches gives, run by Google's ai-edge-litert.

    batch    (N, 3, H, W) RGB, 0 to 255; N a multiple of the file's
    returns  (N, D)
    raises   MissingExtra without the interpreter
    """
    return _run(path.read_bytes(), batch)


def tensorflow_lite_in_float(path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same of a file whose activations are in 8 bits, too: its graph as it would be in float32.

    Weights are made float by the interpreter itself, biases here; and each layer whose output is
    called Relu is given the ReLU that the file leaves to the range of that output.
    """
    with optional(f"running {path.name}"):
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    (graph,) = model.subgraphs
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    model.operatorCodes.append(code)
    first = []
    for index, tensor in enumerate(list(graph.tensors)):
        content, how = model.buffers[tensor.buffer].data, tensor.quantization
        if how is None or how.scale is None:
            continue
        if content is not None and tensor.type == schema.TensorType.UINT8:
            stored = schema.TensorT()
            stored.name, stored.shape, stored.type = b"", tensor.shape, tensor.type
            stored.buffer, stored.quantization = tensor.buffer, how
            operator = schema.OperatorT()
            operator.opcodeIndex = len(model.operatorCodes) - 1
            operator.inputs, operator.outputs = [len(graph.tensors)], [index]
            graph.tensors.append(stored)
            first.append(operator)
            tensor.buffer = 0  # the empty one: what is computed has no bytes in the file
        elif content is not None:
            biases = (np.frombuffer(bytes(content), "<i4") * float(how.scale[0])).astype("<f4")
            model.buffers[tensor.buffer].data = np.frombuffer(biases.tobytes(), np.uint8)
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    for operator in graph.operators:
        if graph.tensors[operator.outputs[0]].name.endswith(b"/Relu"):
            relu = schema.ActivationFunctionType.RELU
            operator.builtinOptions.fusedActivationFunction = relu
    graph.operators = first + graph.operators
    builder = flatbuffers.Builder(path.stat().st_size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return _run(bytes(builder.Output()), batch)


def _run(model: bytes, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    with optional("running a TensorFlow Lite file"):
        from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    parts = []
    for part in batch.reshape(-1, taken["shape"][0], *batch.shape[1:]):
        pixels = (part.transpose(0, 2, 3, 1) - np.float32(127.5)) / np.float32(128)
        interpreter.set_tensor(taken["index"], pixels)
        interpreter.invoke()
        parts.append(interpreter.get_tensor(given["index"]))
    return np.concatenate(parts)


# Network → what runs the file of its weights.
ORIGINALS = {"mobilefacenet": tensorflow_lite, "facenet": tensorflow_lite_in_float}


def check(name: str, got: NDArray[np.float32], want: NDArray[np.float32]) -> None:
    """Raises WeightsError where ours differs from the original by more than TOLERANCE."""
    off = float(np.abs(got - want).max() / np.abs(want).max())
    if not off <= TOLERANCE:
        raise WeightsError(f"{name} differs from its published file by {off:.1e} of the largest")
