"""Products with matrices in integers: weights in 7 bits, what comes in in 8, by the row.

Each row that comes in, a piece of a text, gets a scale of its own when it comes: what a text gives
depends on nothing that happens to be computed beside it, and a row of large numbers costs the
others none of their digits. Some columns are hundreds of times as large as others; a product may
even them out first, by factors that go into the weights (`evened`).
Sources: Dettmers et al. 2022, "LLM.int8()" (scales of rows; the large columns of transformers);
Xiao et al. 2023, "SmoothQuant" (evening out).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from retrieve.extras import optional

Matrix = NDArray[np.float32]

INTEGERS, STEPS, EVENED = ".integers", ".steps", ".evened"  # behind a product's name
_MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators
_LARGEST = 64  # as in quantize.py: what 16 bits hold on any processor
_SHARES = (1.0, 0.97, 0.94, 0.91, 0.88, 0.84, 0.8)  # of the largest weight, tried for the step
_SMALLEST = 1e-9  # in the place of the scale of a row of zeros


def integer_matrix(weight: Matrix, evened: Matrix | None = None) -> tuple[NDArray[np.int8], Matrix]:
    """A matrix as `in_integers` wants it: (K, N) integers and the (N,) steps between them.

    weight  (N, K) float32
    evened  (K,) by what the columns that come in are divided
    Of some steps for each output that with the least squared error is taken.
    """
    rows = weight if evened is None else weight * evened
    largest = np.abs(rows).max(axis=1)
    largest[largest == 0] = 1
    best = np.full(len(rows), np.inf, np.float32)
    integers = np.zeros(rows.shape, np.float32)
    steps = np.ones(len(rows), np.float32)
    for share in _SHARES:
        step = (largest * (share / _LARGEST)).astype(np.float32)
        tried = np.clip(np.rint(rows / step[:, None]), -_LARGEST, _LARGEST)
        lost = np.square(tried * step[:, None] - rows).sum(axis=1)
        better = lost < best
        integers[better], steps[better], best[better] = tried[better], step[better], lost[better]
    return np.ascontiguousarray(integers.T).astype(np.int8), steps


def in_integers(model: bytes, evened: Collection[str] = ()) -> bytes:
    """An ONNX model whose products with constant matrices are computed in integers.

    The matrices are left out: for each product NAME the initializers NAME.integers and NAME.steps
    (`integer_matrix`) are to be filled in (filled.py), for one of `evened` also NAME.evened, (K,)
    what the columns are multiplied by, the inverse of what went into the matrix.
    raises  MissingExtra without onnx
    """
    with optional("a network in integers"):
        import onnx
        from onnx import helper, numpy_helper

    proto = onnx.load_from_string(model)
    graph = proto.graph
    constant = {one.name for one in graph.initializer}
    nodes, gone = [], set()
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in constant:
            nodes.append(node)
            continue
        name = product_name(node.output[0])
        gone.add(node.input[1])
        x = node.input[0]
        if name in evened:
            nodes.append(helper.make_node("Mul", [x, name + EVENED], [f"{name}.even"]))
            x = f"{name}.even"
        nodes += [
            helper.make_node("Abs", [x], [f"{name}.absolute"]),
            helper.make_node(
                "ReduceMax", [f"{name}.absolute"], [f"{name}.largest"], axes=[-1], keepdims=1
            ),
            helper.make_node("Max", [f"{name}.largest", "smallest"], [f"{name}.scale"]),
            helper.make_node("Reciprocal", [f"{name}.scale"], [f"{name}.inverse"]),
            helper.make_node("Mul", [x, f"{name}.inverse"], [f"{name}.unit"]),
            helper.make_node("QuantizeLinear", [f"{name}.unit", "unit", "zero"], [f"{name}.in"]),
            helper.make_node(
                "MatMulIntegerToFloat",
                [f"{name}.in", name + INTEGERS, "unit", name + STEPS, "zero"],
                [f"{name}.product"],
                domain=_MICROSOFT,
            ),
            helper.make_node("Mul", [f"{name}.product", f"{name}.scale"], [node.output[0]]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    rest = [one for one in graph.initializer if one.name not in gone]
    del graph.initializer[:]
    graph.initializer.extend(rest)
    for constant_name, value in (
        ("unit", np.array(1 / 127, np.float32)),
        ("zero", np.array(128, np.uint8)),
        ("smallest", np.array(_SMALLEST, np.float32)),
    ):
        graph.initializer.append(numpy_helper.from_array(value, constant_name))
    proto.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))
    return bytes(proto.SerializeToString())


def product_name(output: str) -> str:
    """The module that a product is of, as torch names it: /layers.0/mixed/MatMul_output_0."""
    return output.strip("/").rpartition("/")[0].replace("/", ".")
