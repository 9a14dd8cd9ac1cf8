"""A network in ONNX format → the same in 8 bits.

Weights become int8, of which 7 bits are used, with one scale for each output channel,
activations uint8 with one scale for each tensor, from ranges that were observed
beforehand. The graph keeps its float operators between QuantizeLinear and
DequantizeLinear; ONNX Runtime replaces the sandwich by an integer kernel. Jacob et al.
2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.extras import optional

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

Ranges = Mapping[str, tuple[float, float]]  # tensor → lowest, highest value

# A processor without VNNI adds two products in 16 bits, where 2 · 255 · 64 fits and 2 · 255 · 127
# does not. ONNX Runtime sees that and takes its fast kernel, and every processor computes the same.
_LARGEST = 64
_LARGEST_BIAS = 1 << 30  # of what int32 holds: a channel whose weights are all but 0 has a bias
# A few far weights cost the others less when they are clipped: the step with the least squared
# error counts.
_SHARES = np.linspace(0.6, 1, 41)  # of the largest weight that the last step may stand for

# A global mean is computed in float, of what the convolution before it gives in integers.
_INTEGER_OPS = {"Conv", "Add", "AveragePool", "GlobalAveragePool", "MaxPool", "Pad"}
_SAME_RANGE_OPS = {"MaxPool", "Pad"}  # give out nothing but what they got, and 0


def quantize(model: bytes, ranges: Ranges) -> bytes:
    """The model with integer convolutions, additions and poolings.

    ranges  of every tensor in observed_tensors(model); values outside are clipped
    raises  WeightsError if the ranges were observed on another graph; MissingExtra
            without onnx
    """
    with optional("quantizing a network"):
        import onnx

    proto = onnx.load_from_string(model)
    graph = proto.graph
    wanted = _observed(graph)
    if set(wanted) != set(ranges):
        raise WeightsError(
            f"8-bit ranges are for the tensors {sorted(ranges)[:3]}…, the network has "
            f"{sorted(wanted)[:3]}…: observe them again, or use precision float32"
        )
    _drop_clips(graph, ranges)
    writer = _Writer(graph)
    writer.quantize_tensor(graph.input[0].name, *_scale(*ranges[graph.input[0].name]))
    for node in graph.node:
        inputs, output = list(node.input), node.output[0]
        writer.add(node)
        if output in ranges:
            writer.quantize_tensor(output, *_scale(*ranges[output]))
        elif node.op_type in _SAME_RANGE_OPS:
            writer.quantize_tensor(output, *writer.scale_of(inputs[0]))
    writer.finish()
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def observed_tensors(model: bytes) -> list[str]:
    """The tensors whose range quantize() has to know, in the graph's order."""
    import onnx

    return _observed(onnx.load_from_string(model).graph)


def _observed(graph: GraphProto) -> list[str]:
    """What feeds an integer operator, but for what takes its range from its input.

    A tensor before a ReLU is left out: both run as one kernel, and 8 bits spent on
    negative values would be lost. The end of the network stays in float.
    """
    consumers: dict[str, set[str]] = {}
    for node in graph.node:
        # Both addends are data; the further inputs of other operators are parameters.
        for name in node.input if node.op_type == "Add" else node.input[:1]:
            consumers.setdefault(name, set()).add(node.op_type)
    produced = [graph.input[0].name] + [
        node.output[0] for node in graph.node if node.op_type not in _SAME_RANGE_OPS
    ]
    return [name for name in produced if consumers.get(name, set()) & _INTEGER_OPS]


def _scale(low: float, high: float) -> tuple[np.float32, np.uint8]:
    """Scale and zero point: 0 is exact, as padding and ReLU need it."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / 255)
    return scale, np.uint8(round(-low / float(scale)))


def _drop_clips(graph: GraphProto, ranges: Ranges) -> None:
    """Take out what clips (ReLU6) to a range that is the tensor's own: rounding it clips, too.

    ONNX Runtime does as much of ReLU, but with Clip it makes a float kernel of the convolution.
    """
    from onnx import numpy_helper

    limits = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    limits |= {
        node.output[0]: numpy_helper.to_array(node.attribute[0].t)
        for node in graph.node
        if node.op_type == "Constant"
    }
    producers = {node.output[0]: node for node in graph.node}
    dropped: set[str] = set()
    for clip in [node for node in graph.node if node.op_type == "Clip"]:
        source, output = clip.input[0], clip.output[0]
        low, high = (float(limits[name]) for name in clip.input[1:])
        alone = sum(list(node.input).count(source) for node in graph.node) == 1
        if alone and output in ranges and low <= ranges[output][0] <= ranges[output][1] <= high:
            producers[source].output[0] = output
            graph.node.remove(clip)
            dropped.update(clip.input[1:])
    used = {name for node in graph.node for name in node.input}
    for node in [one for one in graph.node if one.output[0] in dropped - used]:
        graph.node.remove(node)


class _Writer:
    """Rebuilds a graph's node list with quantisation between the nodes."""

    def __init__(self, graph: GraphProto) -> None:
        from onnx import numpy_helper

        self._graph = graph
        self._nodes: list[NodeProto] = []
        self._weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self._scales: dict[str, tuple[np.float32, np.uint8]] = {}

    def scale_of(self, tensor: str) -> tuple[np.float32, np.uint8]:
        return self._scales[tensor]

    def quantize_tensor(self, tensor: str, scale: np.float32, zero: np.uint8) -> None:
        """Add the pair that rounds a tensor to uint8; later readers get its output."""
        self._scales[tensor] = scale, zero
        constants = [
            self._constant(f"{tensor}.scale", np.array(scale)),
            self._constant(f"{tensor}.zero", np.array(zero)),
        ]
        self._node("QuantizeLinear", [tensor, *constants], f"{tensor}.uint8")
        self._node("DequantizeLinear", [f"{tensor}.uint8", *constants], _rounded(tensor))

    def add(self, node: NodeProto) -> None:
        """Add a node that reads rounded tensors; of a convolution, integer weights."""
        if node.op_type == "Conv":
            scale, _ = self._scales[node.input[0]]
            weight, bias = (self._weights.pop(name) for name in node.input[1:])
            steps = _steps(weight, np.abs(bias) / (scale * _LARGEST_BIAS))
            node.input[1] = self._integer_weight(node.input[1], weight, steps)
            node.input[2] = self._integer_bias(node.input[2], bias, steps * scale)
        for i, name in enumerate(node.input):
            if name in self._scales:
                node.input[i] = _rounded(name)
        self._nodes.append(node)

    def finish(self) -> None:
        from onnx import numpy_helper

        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        del self._graph.initializer[:]
        self._graph.initializer.extend(
            numpy_helper.from_array(array, name) for name, array in self._weights.items()
        )

    def _integer_weight(
        self, name: str, weight: NDArray[np.float32], steps: NDArray[np.float32]
    ) -> str:
        return self._dequantized(name, _integers(weight, steps).astype(np.int8), steps)

    def _integer_bias(
        self, name: str, bias: NDArray[np.float32], steps: NDArray[np.float32]
    ) -> str:
        """In int32 and in the unit of the products it is added to."""
        return self._dequantized(name, np.rint(bias / steps).astype(np.int32), steps)

    def _dequantized(self, name: str, integers: NDArray[Any], steps: NDArray[np.float32]) -> str:
        constants = [
            self._constant(f"{name}.integers", integers),
            self._constant(f"{name}.scale", steps),
            self._constant(f"{name}.zero", np.zeros(len(steps), integers.dtype)),
        ]
        return self._node("DequantizeLinear", constants, _rounded(name), axis=0)

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        self._weights[name] = array
        return name

    def _node(self, op: str, inputs: list[str], output: str, **attributes: int) -> str:
        from onnx import helper

        node = helper.make_node(op, inputs, [output], name=output)
        node.attribute.extend(
            helper.make_attribute(key, value) for key, value in attributes.items()
        )
        self._nodes.append(node)
        return output


def _rounded(tensor: str) -> str:
    return f"{tensor}.rounded"


def _integers(weight: NDArray[Any], steps: NDArray[Any]) -> NDArray[np.float64]:
    """Of (out, ...) weights and (out,) steps."""
    inner = tuple(range(1, weight.ndim))
    rounded = np.rint(weight / np.expand_dims(steps, inner))
    return np.asarray(np.clip(rounded, -_LARGEST, _LARGEST))


def _steps(
    weight: NDArray[np.float32], least: NDArray[np.float32] | float = 0.0
) -> NDArray[np.float32]:
    """(out,) what 1 stands for in each output channel: the best, and no less than `least`."""
    rows = weight.reshape(len(weight), -1).astype(np.float64)
    largest = np.abs(rows).max(axis=1)
    largest[largest == 0] = 1  # a channel of zeros needs a scale too
    tried = np.outer(_SHARES, largest / _LARGEST).astype(np.float32)
    lost = [((_integers(rows, steps) * steps[:, None] - rows) ** 2).sum(axis=1) for steps in tried]
    best = np.argmin(lost, axis=0)
    chosen: NDArray[np.float32] = np.take_along_axis(tried, best[None], axis=0)[0]
    return np.maximum(chosen, least).astype(np.float32)
