"""TensorFlow Lite files: bytes → the arrays inside them.

A file is a flatbuffer: tables of offsets, whose fields the schema numbers (TensorFlow's
tensorflow/lite/schema/schema.fbs; the layout is in FlatBuffers' internals.md). What the layers do
with the arrays is not read: a network of ours says that itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError

_IDENTIFIER = b"TFL3"
# Numbers of the fields in the schema.
_MODEL_SUBGRAPHS, _MODEL_BUFFERS = 2, 4
_GRAPH_TENSORS = 0
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_BUFFER, _TENSOR_NAME, _TENSOR_QUANTIZATION = range(5)
_QUANTIZATION_SCALE, _QUANTIZATION_ZERO_POINT = 2, 3
_BUFFER_DATA = 0
_FLOAT32, _INTEGERS = 0, {2: "<i4", 3: "u1", 9: "i1"}  # of TensorType, those that hold weights


def constants(data: bytes) -> dict[str, NDArray[np.float32]]:
    """Every array of the first graph that the file holds, under its name.

    Of integers with one scale it is what they stand for, scale · (integer - zero point); integers
    without a scale, which are shapes, are left out.
    raises  WeightsError if the bytes are no such file, cut short, or hold weights of other types
    """
    if data[4:8] != _IDENTIFIER:
        raise WeightsError("no TensorFlow Lite file")
    try:
        model = _Table(data, _offset(data, 0))
        buffers = list(model.tables(_MODEL_BUFFERS))
        graph = next(model.tables(_MODEL_SUBGRAPHS))
        found = {}
        for tensor in graph.tables(_GRAPH_TENSORS):
            content = buffers[tensor.number(_TENSOR_BUFFER, "<I")].vector(_BUFFER_DATA, "u1")
            values = _values(tensor, content.tobytes()) if content.size else None
            if values is not None:
                shape = tensor.vector(_TENSOR_SHAPE, "<i4")
                found[_name(tensor)] = values.astype(np.float32).reshape(shape)
        return found
    except (struct.error, ValueError, IndexError, StopIteration) as error:
        raise WeightsError(f"a damaged TensorFlow Lite file: {error}") from error


def _values(tensor: _Table, content: bytes) -> NDArray[np.floating] | None:
    """What a tensor's bytes stand for, flat; None for integers without a scale."""
    kind = tensor.number(_TENSOR_TYPE, "<b")
    if kind == _FLOAT32:
        return np.frombuffer(content, "<f4")
    how = tensor.table(_TENSOR_QUANTIZATION)
    scales = np.empty(0) if how is None else how.vector(_QUANTIZATION_SCALE, "<f4")
    if how is None or scales.size == 0:
        return None
    zeros = how.vector(_QUANTIZATION_ZERO_POINT, "<i8")
    if kind not in _INTEGERS or scales.size != 1 or zeros.size > 1:
        raise WeightsError(
            f"{_name(tensor)}: wanted integers with one scale; got type {kind} with {scales.size}"
        )
    zero = zeros[0] if zeros.size else 0
    # In float64, which holds every product: the rounding to float32 is the only one.
    return (np.frombuffer(content, _INTEGERS[kind]) - np.float64(zero)) * np.float64(scales[0])


def _name(tensor: _Table) -> str:
    return tensor.vector(_TENSOR_NAME, "u1").tobytes().decode()


class _Table:
    """A table of the flatbuffer; fields that are absent are empty, 0 or None."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        (back,) = struct.unpack_from("<i", data, at)
        self._fields = at - back
        if not 0 <= self._fields < len(data):
            raise ValueError(f"a table at byte {at} whose fields are outside the file")

    def number(self, field: int, kind: str) -> int:
        at = self._place(field)
        return int(struct.unpack_from(kind, self._data, at)[0]) if at else 0

    def table(self, field: int) -> _Table | None:
        at = self._place(field)
        return _Table(self._data, at + _offset(self._data, at)) if at else None

    def tables(self, field: int) -> Iterator[_Table]:
        at = self._place(field)
        start = at + _offset(self._data, at) if at else 0
        for i in range(_offset(self._data, start) if at else 0):
            place = start + 4 + 4 * i
            yield _Table(self._data, place + _offset(self._data, place))

    def vector(self, field: int, kind: str) -> NDArray[Any]:
        at = self._place(field)
        if not at:
            return np.empty(0, kind)
        start = at + _offset(self._data, at)
        return np.frombuffer(self._data, kind, _offset(self._data, start), start + 4)

    def _place(self, field: int) -> int:
        """Where the field lies in the file; 0 if the table is without it."""
        slot = 4 + 2 * field
        size, of_field = struct.unpack_from("<H", self._data, self._fields)[0], 0
        if slot < size:
            (of_field,) = struct.unpack_from("<H", self._data, self._fields + slot)
        return self._at + of_field if of_field else 0


def _offset(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
