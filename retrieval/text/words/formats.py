"""Word vectors of other programs, read as a stream: word2vec, fastText and GloVe files.

    word2vec .bin   "N D" line, then word, space, D float32, N times
    word2vec .vec   "N D" line, then a word and D numbers a line; fastText's .vec is the same
    GloVe .txt      the same without the first line
    fastText .bin   its model of version 12: arguments, dictionary, input matrix

Any of them may be packed by gzip. Sources: Mikolov's word2vec.c; Pennington et al. 2014,
"GloVe"; Bojanowski et al. 2017, "Enriching word vectors with subword information".
"""

from __future__ import annotations

import gzip
import mmap
import shutil
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.text.words import ngrams

FASTTEXT_MAGIC = 793712314
LONGEST_WORD = 1000  # bytes; a longer one means that the file is not what it seems
BLOCK_ROWS = 4096


@dataclass(slots=True, eq=False)
class Source:
    """An open file of word vectors.

    blocks   words with their (n, D) float32 vectors, as they stand in the file
    broken   lines that could not be used so far; grows while blocks are read
    subword  and `gram_blocks`, (n, D) float32: n-gram vectors in the order of their buckets
    """

    kind: str
    dim: int
    blocks: Iterator[tuple[list[str], NDArray[np.float32]]]
    broken: list[str]
    subword: ngrams.Subword | None = None
    gram_blocks: Iterator[NDArray[np.float32]] | None = None


def open_source(path: Path) -> Source:
    """Look at the first bytes of a file and open it as what they say.

    raises  BadInput if it is none of the formats
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        opened: IO[bytes] = gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[assignment]  # noqa: SIM115
        start = opened.read(4)
        if start == struct.pack("<i", FASTTEXT_MAGIC):
            return _fasttext(opened, path)
        opened.seek(0)
        head = opened.readline()
        second = opened.read(2 * LONGEST_WORD)
        opened.seek(0)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    fields = head.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        dim = int(fields[1])
        opened.readline()
        if _is_text(second, dim):
            return _text(opened, path, "text", dim)
        return _word2vec(opened, path, int(fields[0]), dim)
    dim = len(fields) - 1
    if dim < 2 or not _is_text(head, dim):
        opened.close()
        raise BadInput(
            f"wanted word2vec, fastText or GloVe vectors; {path} begins with {head[:40]!r}"
        )
    return _text(opened, path, "GloVe text", dim)


def _is_text(line: bytes, dim: int) -> bool:
    numbers = line.split(b"\n")[0].split(b" ")[1 : min(dim, 20) + 1]
    try:
        return len([float(number) for number in numbers if number.strip()]) > 0
    except ValueError:
        return False


def _text(file: IO[bytes], path: Path, kind: str, dim: int) -> Source:
    broken: list[str] = []
    return Source(kind, dim, _text_blocks(file, path, dim, broken), broken)


def _text_blocks(
    file: IO[bytes], path: Path, dim: int, broken: list[str]
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    words: list[str] = []
    vectors = np.empty((BLOCK_ROWS, dim), np.float32)
    number = 0
    with file:
        while True:
            try:
                line = file.readline()
            except (OSError, EOFError) as error:
                broken.append(f"{path}, after line {number}: {error}")
                break
            if not line:
                break
            number += 1
            # From the right: GloVe's 840B file has words with spaces inside.
            fields = line.rstrip(b" \r\n").rsplit(b" ", dim)
            try:
                if len(fields) != dim + 1:
                    raise ValueError(f"{len(fields) - 1} numbers, wanted {dim}")
                vectors[len(words)] = np.array(fields[1:], dtype=np.float32)
                if not np.isfinite(vectors[len(words)]).all():
                    raise ValueError("a number is not finite")
                words.append(fields[0].decode("utf-8"))
            except ValueError as error:  # UnicodeDecodeError is one
                broken.append(f"line {number}: {error}")
                continue
            if len(words) == BLOCK_ROWS:
                yield words, vectors
                words = []
    if words:
        yield words, vectors[: len(words)]


def _word2vec(file: IO[bytes], path: Path, count: int, dim: int) -> Source:
    broken: list[str] = []
    return Source("word2vec binary", dim, _word2vec_blocks(file, count, dim, broken), broken)


def _word2vec_blocks(
    file: IO[bytes], count: int, dim: int, broken: list[str]
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    words: list[str] = []
    vectors = np.empty((BLOCK_ROWS, dim), np.float32)
    buffered = b""
    size = 4 * dim
    with file:
        for number in range(count):
            while len(buffered) < LONGEST_WORD + size:
                more = file.read(1 << 20)
                if not more:
                    break
                buffered += more
            end = buffered.find(b" ", 0, LONGEST_WORD)
            if end < 0 or len(buffered) < end + 1 + size:
                broken.append(f"the file ends after {number} of {count} words")
                break
            # Some writers put a line feed after each vector, some do not.
            raw, values = buffered[:end].lstrip(b"\n"), buffered[end + 1 : end + 1 + size]
            buffered = buffered[end + 1 + size :]
            vector = np.frombuffer(values, "<f4")
            try:
                if not np.isfinite(vector).all():
                    raise ValueError("a number is not finite")
                word = raw.decode("utf-8")
            except ValueError as error:
                broken.append(f"word {number + 1}: {error}")
                continue
            vectors[len(words)] = vector
            words.append(word)
            if len(words) == BLOCK_ROWS:
                yield words, vectors
                words = []
    if words:
        yield words, vectors[: len(words)]


def _fasttext(file: IO[bytes], path: Path) -> Source:
    def read(layout: str) -> tuple[int, ...]:
        data = file.read(struct.calcsize("<" + layout))
        if len(data) < struct.calcsize("<" + layout):
            raise BadInput(f"{path} is a fastText model that is cut short; copy it again")
        return struct.unpack("<" + layout, data)

    (version,) = read("i")
    dim, _, _, _, _, _, _, _, buckets, shortest, longest, _ = read("12i")
    read("d")
    if version != 12:
        raise BadInput(f"wanted a fastText model of version 12; {path} has version {version}")
    size, count, _ = read("3i")
    read("q")
    (pruned,) = read("q")
    words = []
    for _ in range(size):
        raw = bytearray()
        while (byte := file.read(1)) not in (b"\0", b""):
            raw += byte
        read("qb")
        words.append(raw.decode("utf-8", errors="replace"))
    (quantized,) = read("?")
    if quantized or pruned > 0:
        raise BadInput(f"{path} is a quantized fastText model (.ftz); wanted the whole .bin")
    rows, columns = read("2q")
    if columns != dim or rows < size:
        raise BadInput(f"{path}: its matrix is {rows} × {columns}, wanted {size}+ × {dim}")
    subword = ngrams.Subword(shortest, longest, buckets) if longest > 0 and buckets > 0 else None
    return _FastText(file, path, words[:count], size, rows, dim, subword).source()


class _FastText:
    """The matrix of a fastText model: word rows first, then one row a bucket."""

    def __init__(
        self,
        file: IO[bytes],
        path: Path,
        words: list[str],
        size: int,
        rows: int,
        dim: int,
        subword: ngrams.Subword | None,
    ) -> None:
        self.words, self.size, self.rows, self.dim, self.subword = words, size, rows, dim, subword
        self.broken: list[str] = []
        start = file.tell()
        if isinstance(file, gzip.GzipFile):
            # A packed file has no place to map: unpack the matrix into a nameless file once.
            unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the map
            shutil.copyfileobj(file, unpacked, 1 << 24)
            unpacked.flush()
            available, start, mapped = unpacked.tell(), 0, unpacked.fileno()
            self._open: object = unpacked
        else:
            available, mapped = path.stat().st_size - start, file.fileno()
            self._open = file
        if available < 4 * rows * dim:
            raise BadInput(f"{path} is a fastText model that is cut short; copy it again")
        whole = mmap.mmap(mapped, start + 4 * rows * dim, access=mmap.ACCESS_READ)
        self.matrix = np.frombuffer(whole, "<f4", rows * dim, start).reshape(rows, dim)

    def source(self) -> Source:
        grams = self._grams() if self.subword else None
        return Source("fastText", self.dim, self._blocks(), self.broken, self.subword, grams)

    def _blocks(self) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        for start in range(0, len(self.words), BLOCK_ROWS):
            words = self.words[start : start + BLOCK_ROWS]
            vectors = np.array(self.matrix[start : start + len(words)])
            if self.subword is not None:
                for i, word in enumerate(words):
                    found = ngrams.buckets(word, self.subword)
                    if word != "</s>" and found:  # fastText gives the line end no n-grams
                        of = self.matrix[self.size + np.array(found)].sum(axis=0)
                        vectors[i] = (vectors[i] + of) / (1 + len(found))
            yield words, vectors

    def _grams(self) -> Iterator[NDArray[np.float32]]:
        for start in range(self.size, self.rows, BLOCK_ROWS):
            yield np.array(self.matrix[start : start + BLOCK_ROWS])
