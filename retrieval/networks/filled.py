"""An ONNX model without its weights, and the weights → the model.

ONNX's files are protocol buffers, in which a message may come in parts, one after the other: lists
go on where they ended ("Encoding", protobuf.dev, on embedded messages that occur twice). So
weights are appended, and nothing here has to know the rest of the format or to need the package
onnx, which is 31 MB. The numbers of the fields are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]  # of float32, int8
Progress = Callable[[int, int], None]  # bytes so far, bytes in all

_LENGTH_AND_BYTES, _VARINT = 2, 0  # wire types
_MODEL_GRAPH, _GRAPH_INITIALIZER = 7, 5
_TENSOR_DIMS, _TENSOR_DATA_TYPE, _TENSOR_NAME, _TENSOR_RAW_DATA = 1, 2, 8, 9
_DATA_TYPES = {np.dtype("<f4"): 1, np.dtype("i1"): 3}  # of TensorProto.DataType


def filled(graph: bytes, weights: Arrays, progress: Progress | None = None) -> bytes:
    """The model with each array as the initializer of its name.

    progress  called with the bytes of weights that are in, and all of them
    """
    total = sum(array.nbytes for array in weights.values())
    done = 0
    parts = [graph]
    for name, array in weights.items():
        tensor = _tensor(name, array)
        initializer = _key(_GRAPH_INITIALIZER, _LENGTH_AND_BYTES) + _varint(len(tensor))
        whole = len(initializer) + len(tensor)
        parts += [_key(_MODEL_GRAPH, _LENGTH_AND_BYTES), _varint(whole), initializer, tensor]
        done += array.nbytes
        if progress is not None:
            progress(done, total)
    return b"".join(parts)


def _tensor(name: str, array: NDArray[Any]) -> bytes:
    content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    dims = b"".join(_key(_TENSOR_DIMS, _VARINT) + _varint(length) for length in array.shape)
    kind = _key(_TENSOR_DATA_TYPE, _VARINT) + _varint(_DATA_TYPES[array.dtype.newbyteorder("<")])
    called = name.encode()
    return b"".join(
        [
            *(dims, kind),
            *(_key(_TENSOR_NAME, _LENGTH_AND_BYTES), _varint(len(called)), called),
            *(_key(_TENSOR_RAW_DATA, _LENGTH_AND_BYTES), _varint(len(content)), content),
        ]
    )


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; bit 7 says that more follow."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
