"""FaceNet as a TensorFlow Lite file with weights in 8 bits: bytes → arrays.

Batch normalisation and the scales of the residual blocks are in the weights. The file would run in
8 bits, too, with ranges of the activations that nobody observed, and gives nothing of use so: its
weights are read for models.inception_resnet_v1, folded, which runs in float32. Where those ranges
began at 0 the file leaves ReLUs out; the module has them all. Only this one network is understood;
anything else counts as damage.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.networks import tflite

Array = NDArray[np.float32]

_SCOPE = "InceptionResnetV1"
_STEM = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3", "4b_3x3")
_ONE = ("1x1",)
_BLOCK35 = (_ONE, ("0a_1x1", "0b_3x3"), ("0a_1x1", "0b_3x3", "0c_3x3"))
_BLOCK17 = (_ONE, ("0a_1x1", "0b_1x7", "0c_7x1"))
_BLOCK8 = (_ONE, ("0a_1x1", "0b_1x3", "0c_3x1"))
_MIXED_6A = (("1a_3x3",), ("0a_1x1", "0b_3x3", "1a_3x3"))
_MIXED_7A = (("0a_1x1", "1a_3x3"), ("0a_1x1", "1a_3x3"), ("0a_1x1", "0b_3x3", "1a_3x3"))
# Scope in the file → name in the module, its branches; the residual blocks then join them.
_RESIDUAL = {
    **{f"Repeat/block35_{i + 1}": (f"repeat_1.{i}", _BLOCK35) for i in range(5)},
    **{f"Repeat_1/block17_{i + 1}": (f"repeat_2.{i}", _BLOCK17) for i in range(10)},
    **{f"Repeat_2/block8_{i + 1}": (f"repeat_3.{i}", _BLOCK8) for i in range(5)},
    "Block8": ("block8", _BLOCK8),
}
_REDUCTIONS = {"Mixed_6a": ("mixed_6a", _MIXED_6A), "Mixed_7a": ("mixed_7a", _MIXED_7A)}


def parse(data: bytes) -> dict[str, Array]:
    """The network's parameters under their names in models.inception_resnet_v1's folded module.

    The scaling of the input, (RGB - 127.5) / 128, is folded into the first convolution.
    raises  WeightsError if the bytes are not this network, whole and finite
    """
    found = tflite.constants(data)
    named: dict[str, Array] = {}
    for scope, name in convolutions():
        weight = _taken(found, f"{scope}/weights", 4)
        # From (out, rows, columns, in) to (out, in, rows, columns).
        named[f"{name}.weight"] = np.ascontiguousarray(weight.transpose(0, 3, 1, 2))
        named[f"{name}.bias"] = _taken(found, f"{scope}/Conv2D_bias", 1)
    named["last_linear.weight"] = _taken(found, f"{_SCOPE}/Bottleneck/weights/transpose", 2)
    named["last_linear.bias"] = _taken(found, f"{_SCOPE}/Bottleneck/MatMul_bias", 1)
    if found:
        raise _damage(f"{next(iter(found))}, which it has not")
    _scale_input(named)
    if not all(np.isfinite(array).all() for array in named.values()):
        raise _damage("a number that is not finite")
    return named


def convolutions() -> Iterator[tuple[str, str]]:
    """Where each lies in the file, and its name in the module."""
    for conv in _STEM:
        yield f"{_SCOPE}/Conv2d_{conv}", f"conv2d_{conv.partition('_')[0]}.conv"
    for scope, (name, branches) in (_RESIDUAL | _REDUCTIONS).items():
        for i, branch in enumerate(branches):
            for j, conv in enumerate(branch):
                place = f".{j}" if len(branch) > 1 else ""
                yield f"{_SCOPE}/{scope}/Branch_{i}/Conv2d_{conv}", f"{name}.branch{i}{place}.conv"
        if scope in _RESIDUAL:
            yield f"{_SCOPE}/{scope}/Conv2d_1x1", f"{name}.conv2d"


def _taken(found: dict[str, Array], name: str, ndim: int) -> Array:
    array = found.pop(name, None)
    if array is None or array.ndim != ndim:
        came = "nothing" if array is None else f"an array {array.shape}"
        raise _damage(f"{came} at {name}")
    return array


def _scale_input(named: dict[str, Array]) -> None:
    """The first convolution for RGB from 0 to 255: exact, as it pads nothing."""
    scaled = named["conv2d_1a.conv.weight"].astype(np.float64) / 128
    shift = 127.5 * scaled.sum(axis=(1, 2, 3))
    named["conv2d_1a.conv.bias"] = (named["conv2d_1a.conv.bias"] - shift).astype(np.float32)
    named["conv2d_1a.conv.weight"] = scaled.astype(np.float32)


def _damage(found: str) -> WeightsError:
    return WeightsError(f"not FaceNet in TensorFlow Lite, or damaged: {found}")
