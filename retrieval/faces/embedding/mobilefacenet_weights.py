"""MobileFaceNet as a TensorFlow Lite file: bytes → arrays.

The schema of the file is TensorFlow's tensorflow/lite/schema/schema.fbs, which the package tflite
reads. Only this one network is understood; anything else counts as damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.extras import optional
from retrieve.models import mobilefacenet

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

# What a PReLU became: ADD(RELU(x), MUL(c, SUB(x, ABS(x)))), so that its slope is 2c.
_PRELU = ("RELU", "ABS", "SUB", "MUL", "ADD")
_SPATIAL = (*_PRELU, "DEPTHWISE_CONV_2D", *_PRELU, "CONV_2D")
_DOWN = ("CONV_2D", *_SPATIAL)
_SAME = (*_DOWN, "ADD")
_OPERATORS = (
    *("CONV_2D", *_SPATIAL),
    *(_DOWN + _SAME * 4),
    *(_DOWN + _SAME * 6),
    *(_DOWN + _SAME * 2),
    *("CONV_2D", *_PRELU, "DEPTHWISE_CONV_2D", "CONV_2D", "CONV_2D", "RESHAPE"),
)


def parse(data: bytes) -> dict[str, Array]:
    """The network's parameters under their names in models.mobilefacenet.MobileFaceNet.

    The scaling of the input, half of each PReLU and two linear layers that are followed by another
    are folded into the convolutions beside them.
    raises  WeightsError if the bytes are not this network, whole and finite; MissingExtra
            without the package tflite
    """
    try:
        layers = list(_layers(data))
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise _damage(str(error)) from error
    named: dict[str, Wide] = {}
    slopes = np.ones(3)  # of the PReLU before the next convolution
    names = iter(_names())
    for kind, weight, bias in layers:
        name = next(names)
        if kind == "PRELU":
            slopes = weight
            named[f"{name}.gain"] = ((1 - slopes) / slopes)[:, None, None]
        else:
            factor = slopes[:, None] if kind == "DEPTHWISE_CONV_2D" else slopes
            named[f"{name}.weight"] = weight * factor[..., None, None]
            named[f"{name}.bias"] = bias
            slopes = np.ones(len(weight))
    _scale_input(named)
    _pad_strided(named)
    named["blocks.0.widen.weight"] = _joined(named, "first.narrow", "blocks.0.widen")[
        ..., None, None
    ]
    named["fc.weight"] = _joined(named, "linear", "fc")
    if not all(np.isfinite(array).all() for array in named.values()):
        raise _damage("a number that is not finite, or a slope of zero")
    return {name: array.astype(np.float32) for name, array in named.items()}


def _names() -> Iterator[str]:
    """Of the module's parts, in the order of the file."""
    spatial = ("bend1", "around", "bend2")
    yield "stem"
    yield from (f"first.{part}" for part in (*spatial, "narrow"))
    for i in range(mobilefacenet.BLOCKS):
        yield f"blocks.{i}.widen"
        yield from (f"blocks.{i}.spatial.{part}" for part in spatial)
        yield f"blocks.{i}.narrow"
    yield from ("last", "bend", "pool", "linear", "fc")


def _layers(data: bytes) -> Iterator[tuple[str, Wide, Wide]]:
    """Kind, weight and bias of each convolution; of each PReLU its slopes, twice."""
    if data[4:8] != b"TFL3":
        raise _damage("no TensorFlow Lite file")
    with optional("reading MobileFaceNet.tflite"):
        import tflite

    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    kinds = [_kind(tflite, model, one) for one in operators]
    if tuple(kinds) != _OPERATORS:
        raise _damage(f"{len(kinds)} operators, or others, in place of {len(_OPERATORS)}")
    for kind, operator in zip(kinds, operators, strict=True):
        if kind == "MUL":
            slopes = 2 * _constant(model, graph, operator.Inputs(0))
            yield "PRELU", slopes, slopes
        elif kind.endswith("CONV_2D"):
            weight, bias = (_constant(model, graph, operator.Inputs(i)) for i in (1, 2))
            # (out, rows, columns, in), and (1, rows, columns, out) where each channel is alone.
            axes = (3, 0, 1, 2) if kind == "DEPTHWISE_CONV_2D" else (0, 3, 1, 2)
            yield kind, weight.transpose(axes), bias


def _kind(tflite: Any, model: Any, operator: Any) -> str:
    names = {value: name for name, value in vars(tflite.BuiltinOperator).items()}
    code: str = names[model.OperatorCodes(operator.OpcodeIndex()).DeprecatedBuiltinCode()]
    return code


def _constant(model: Any, graph: Any, index: int) -> Wide:
    tensor = graph.Tensors(index)
    content = model.Buffers(tensor.Buffer()).DataAsNumpy()
    values = np.frombuffer(content.tobytes(), "<f4").reshape(tensor.ShapeAsNumpy())
    return values.astype(np.float64)


def _scale_input(named: dict[str, Wide]) -> None:
    """The stem for RGB from 0 to 255 in place of (RGB - grey) / 128; it is padded with grey."""
    scaled = named["stem.weight"] / 128
    named["stem.bias"] = named["stem.bias"] - mobilefacenet.GREY * scaled.sum(axis=(1, 2, 3))
    named["stem.weight"] = scaled


def _pad_strided(named: dict[str, Wide]) -> None:
    """A row and a column of zeros before the windows of stride 2: see models.mobilefacenet."""
    for i in mobilefacenet.HALVING:
        name = f"blocks.{i}.spatial.around.weight"
        named[name] = np.pad(named[name], ((0, 0), (0, 0), (1, 0), (1, 0)))


def _joined(named: dict[str, Wide], first: str, last: str) -> Wide:
    """Weight of two layers with nothing between them as one, under the name of the last.

    returns  (out, in); the bias is in its place
    """
    before, after = (named.pop(f"{name}.weight")[:, :, 0, 0] for name in (first, last))
    named[f"{last}.bias"] = after @ named.pop(f"{first}.bias") + named[f"{last}.bias"]
    return after @ before


def _damage(found: str) -> WeightsError:
    return WeightsError(f"not MobileFaceNet in TensorFlow Lite, or damaged: {found}")
