"""dlib's serialised face network: bytes → arrays.

dlib_face_recognition_resnet_model_v1.dat is a C++ object written out member by member,
in the format of dlib's serialize.h, tensor_tools.cpp and dnn/layers.h. Only this one
network is understood; anything else counts as damage.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError

Array = NDArray[np.float32]

_HEADERS = 130  # versions of the nested layers, outermost first
_STEM = ("con_4", "affine_", "relu_", "max_pool_2")
_SAME = ("con_4", "affine_", "relu_", "con_4", "affine_", "add_prev_", "relu_")
_DOWN = ("con_4", "affine_", "relu_", "con_4", "affine_", "avg_pool_2", "add_prev_", "relu_")
_LAYERS = (
    *_STEM,
    *(_SAME * 3),
    *(_DOWN + _SAME * 3),
    *(_DOWN + _SAME * 2),
    *(_DOWN + _SAME * 2),
    *_DOWN,
    *("avg_pool_2", "fc_2"),
)


def parse(data: bytes) -> dict[str, Array]:
    """The network's parameters under their names in models.dlib_resnet.DlibResNet.

    Each affine layer, and the subtraction of the mean with the division by 256 that
    dlib does to its input, are folded into the convolutions.
    raises  WeightsError if the bytes are not this network, whole and finite
    """
    reader = _Reader(data)
    mean = _read_head(reader)
    convolutions: list[tuple[Array, Array]] = []
    fc = np.empty(0, np.float32)
    for i, layer in enumerate(_LAYERS):
        reader.expect(layer)
        if layer == "con_4":
            convolutions.append(_read_convolution(reader))
        elif layer == "affine_":
            convolutions[-1] = _scaled(*convolutions[-1], _read_affine(reader))
        elif layer.endswith("pool_2"):
            reader.skip_integers(6)  # window, stride, padding
        elif layer == "fc_2":
            fc = _read_fc(reader)
        reader.take(3)  # flags of the layer: no state
        for _ in range(3):
            reader.tensor()  # caches of the layer: empty
        if i == 0:
            reader.integer()  # how many images a sample has
    reader.expect_end()

    convolutions[0] = _with_input_scaling(*convolutions[0], mean)
    named = {"fc.weight": fc}
    for i, (weight, bias) in enumerate(convolutions):
        name = f"blocks.{(i - 1) // 2}.conv{(i - 1) % 2 + 1}" if i > 0 else "stem"
        named |= {f"{name}.weight": weight, f"{name}.bias": bias}
    return named


def _read_head(reader: _Reader) -> NDArray[np.float64]:
    """Loss, versions and input layer; gives the mean RGB colour."""
    reader.integer()
    reader.expect("loss_metric_2")
    reader.skip_reals(2)  # margin and distance threshold of the training loss
    reader.skip_integers(_HEADERS)
    reader.expect("input_rgb_image_sized")
    mean = np.array([reader.real() for _ in "rgb"])
    reader.skip_integers(2)  # height and width
    return mean


def _read_convolution(reader: _Reader) -> tuple[Array, Array]:
    """Weight (out, in, rows, columns) and bias (out,)."""
    parameters = reader.tensor()
    filters, rows, columns = (reader.integer() for _ in range(3))
    reader.skip_integers(4)  # stride and padding: known from the layer's place
    reader.skip_aliases(2)  # views of weights and biases
    reader.skip_reals(4)  # learning rates
    inputs = (parameters.size - filters) // max(1, filters * rows * columns)
    if filters < 1 or parameters.size != filters * (inputs * rows * columns + 1):
        raise reader.damage(f"{parameters.size} numbers in a convolution of {filters} filters")
    weight = parameters[:-filters].reshape(filters, inputs, rows, columns)
    return weight, parameters[-filters:]


def _read_affine(reader: _Reader) -> Array:
    """Factor and shift of each channel: (2, channels)."""
    parameters = reader.tensor()
    reader.skip_aliases(2)  # views of weights and biases
    reader.integer()  # for convolutions or fully connected layers
    if parameters.size % 2:
        raise reader.damage(f"{parameters.size} numbers in an affine layer")
    return parameters.reshape(2, -1)


def _read_fc(reader: _Reader) -> Array:
    """Weight (out, in)."""
    outputs, inputs = reader.integer(), reader.integer()
    parameters = reader.tensor()
    reader.skip_aliases(2)  # views of weights and biases
    reader.integer()  # no bias
    reader.skip_reals(4)  # learning rates
    if outputs < 1 or parameters.size != inputs * outputs:
        raise reader.damage(f"{parameters.size} numbers in a layer {inputs} to {outputs}")
    return np.ascontiguousarray(parameters.reshape(inputs, outputs).T)


def _scaled(weight: Array, bias: Array, affine: Array) -> tuple[Array, Array]:
    """A convolution with the affine layer behind it."""
    if affine.shape[1] != bias.size:
        raise WeightsError(
            f"dlib's face network has {affine.shape[1]} factors for {bias.size} filters"
        )
    factor, shift = affine
    return weight * factor[:, None, None, None], bias * factor + shift


def _with_input_scaling(
    weight: Array, bias: Array, mean: NDArray[np.float64]
) -> tuple[Array, Array]:
    """The first convolution for RGB from 0 to 255 in place of (RGB - mean) / 256.

    Exact because it has no padding, where the mean would not be subtracted.
    """
    scaled = weight.astype(np.float64) / 256
    shift = (scaled * mean[:, None, None]).sum(axis=(1, 2, 3))
    return scaled.astype(np.float32), (bias - shift).astype(np.float32)


class _Reader:
    """dlib's numbers, strings and tensors, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def damage(self, found: str) -> WeightsError:
        return WeightsError(f"not dlib's face network, or damaged: {found} before byte {self._at}")

    def take(self, size: int) -> bytes:
        if not 0 <= size <= len(self._data) - self._at:
            raise self.damage(f"a piece of {size} bytes in a file of {len(self._data)}")
        self._at += size
        return self._data[self._at - size : self._at]

    def integer(self) -> int:
        """Sign in bit 7 and length in the low bits of a byte, then the magnitude."""
        control = self.take(1)[0]
        magnitude = int.from_bytes(self.take(control & 0x0F), "little")
        return -magnitude if control & 0x80 else magnitude

    def real(self) -> float:
        """Mantissa and binary exponent."""
        mantissa, exponent = self.integer(), self.integer()
        if abs(mantissa) >= 2**64 or abs(exponent) > 1000:
            raise self.damage(f"the number {mantissa} · 2^{exponent}")
        return math.ldexp(mantissa, exponent)

    def expect(self, name: str) -> None:
        found = self.take(self.integer())
        if found != name.encode():
            raise self.damage(f"{found[:20]!r} in place of {name!r}")

    def expect_end(self) -> None:
        if self._at != len(self._data):
            raise self.damage(f"{len(self._data) - self._at} bytes too many")

    def tensor(self) -> Array:
        """Version, four sizes, raw little-endian float32; given flat."""
        version, *sizes = (self.integer() for _ in range(5))
        if version != 2 or min(sizes) < 0:
            raise self.damage(f"a tensor of version {version}, sizes {sizes}")
        values = np.frombuffer(self.take(4 * math.prod(sizes)), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise self.damage("a number that is not finite")
        return values

    def skip_aliases(self, count: int) -> None:
        """Version and four sizes of a view into a tensor."""
        self.skip_integers(5 * count)

    def skip_integers(self, count: int) -> None:
        for _ in range(count):
            self.integer()

    def skip_reals(self, count: int) -> None:
        for _ in range(count):
            self.real()
