"""The language model in numpy beside ONNX Runtime: python -m benchmarks.language

CPU milliseconds for one step of the LSTM layers (one text, one thread), the same numbers
from both; a whole generated piece; and cold processes in CPU seconds.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported

import os
import time
from collections.abc import Callable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from benchmarks.startup import CLI, cpu_s
from retrieve.text.language.generate import generate
from retrieve.text.language.model import LanguageModel, open_language

STEPS = 300


def as_onnx(model: LanguageModel) -> bytes:
    """The LSTM layers and the layer after them, one step of one text, as an ONNX model."""
    weights, dims = model.weights, model.about["dims"]
    L, H, D = dims["layers"], dims["hidden"], dims["widths"][0]
    # ONNX orders the gates input, output, forget, cell; torch input, forget, cell, output.
    order = np.concatenate([np.arange(H) + gate * H for gate in (0, 3, 1, 2)])
    constants = {}
    nodes = []
    flow = "x"
    for layer in range(L):
        bias = weights[f"lstm.bias_l{layer}"][order]
        constants[f"w{layer}"] = weights[f"lstm.weight_ih_l{layer}"][order][None]
        constants[f"r{layer}"] = weights[f"lstm.weight_hh_l{layer}"][order][None]
        constants[f"b{layer}"] = np.concatenate([bias, np.zeros_like(bias)])[None]
        inputs = [flow, f"w{layer}", f"r{layer}", f"b{layer}", "", f"h{layer}", f"c{layer}"]
        outputs = [f"y{layer}", f"h{layer}_after", f"c{layer}_after"]
        nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=H))
        constants["direction"] = np.array([1], np.int64)
        nodes.append(helper.make_node("Squeeze", [f"y{layer}", "direction"], [f"s{layer}"]))
        flow = f"s{layer}"
    constants["out"], constants["bias"] = weights["out.weight"].T, weights["out.bias"]
    nodes.append(helper.make_node("MatMul", [flow, "out"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "bias"], ["outputs"]))
    states = [f"{kind}{layer}" for layer in range(L) for kind in "hc"]

    def described(name: str, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "language",
        [described("x", [1, 1, D]), *(described(name, [1, 1, H]) for name in states)],
        [
            described("outputs", [1, 1, D]),
            *(described(f"{name}_after", [1, 1, H]) for name in states),
        ],
        [
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in constants.items()
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def ms(work: Callable[[], object], times: int = STEPS) -> float:
    """CPU milliseconds of one call, the least of three rounds."""
    rounds = []
    for _ in range(3):
        before = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - before) / times * 1000)
    return min(rounds)


def main() -> None:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime as ort

    model = open_language("es")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(as_onnx(model), options, ["CPUExecutionProvider"])
    layers, hidden = model.about["dims"]["layers"], model.about["dims"]["hidden"]
    state = model.start()
    ids = np.array([[1000]])
    feed: dict[str, NDArray[np.float32]] = {"x": model.embed(ids[0])[None]}
    for layer in range(layers):
        feed |= {f"h{layer}": state.h[layer][None], f"c{layer}": state.c[layer][None]}
    assert feed["h0"].shape == (1, 1, hidden)
    theirs = session.run(None, feed)[0]
    np.testing.assert_allclose(theirs[0], model.read(state, ids).outputs, atol=1e-4)

    print(f"{'one step of the layers, numpy':40} {ms(lambda: model.read(state, ids)):.3f} CPU ms")
    print(f"{'the same, ONNX Runtime':40} {ms(lambda: session.run(None, feed)):.3f} CPU ms")
    whole = ms(lambda: list(generate(model, "", length=100, lines=100)), 1) / 100
    print(f"{'a generated piece, softmax and draw':40} {whole:.3f} CPU ms")
    print(f"{'import onnxruntime':40} {cpu_s('-c', 'import onnxruntime'):.2f} CPU s")
    print(f"{'cold retrieve predict':40} {cpu_s(*CLI, 'predict', 'la noche'):.2f} CPU s")


if __name__ == "__main__":
    main()
