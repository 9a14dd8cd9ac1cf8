"""Word vectors of other programs, read as a stream: word2vec, fastText and GloVe files.

    word2vec .bin   "N D" line, then word, space, D float32, N times
    word2vec .vec   "N D" line, then a word and D numbers a line; fastText's .vec is the same
    GloVe .txt      the same without the first line
    fastText .bin   its model of version 12: arguments, dictionary, input matrix

Any of them may be packed by gzip. Sources: Mikolov's word2vec.c; Pennington et al. 2014,
"GloVe"; Bojanowski et al. 2017, "Enriching word vectors with subword information".
"""

from __future__ import annotations

import codecs
import gzip
import mmap
import re
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
from retrieve.text.words.textual import (
    BLOCK_ROWS,
    UNREADABLE,
    agreed,
    blocks,
    dimensions,
    whole_lines,
)

FASTTEXT_MAGIC = 793712314
LONGEST_WORD = 1000  # bytes; a longer one means that the file is not what it seems
SAMPLE_BYTES = 1 << 20  # from which text and binary are told
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # text has none
_CHECKED_WORDS = 5  # of a binary file
_LARGEST = 1e6  # of its numbers: those of another layout soon are larger


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
    except UNREADABLE as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    try:
        return _opened(opened, path)
    except UNREADABLE as error:
        opened.close()
        raise BadInput(f"cannot read {path}: {error}") from error
    except BadInput:
        opened.close()
        raise


def _opened(file: IO[bytes], path: Path) -> Source:
    start = file.read(4)
    if start == struct.pack("<i", FASTTEXT_MAGIC):
        return _fasttext(file, path)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadInput(f"wanted word vectors in UTF-8; {path} is in UTF-16. Save it as UTF-8")
    begin = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    file.seek(begin)
    head = file.readline(SAMPLE_BYTES)
    after = file.read(SAMPLE_BYTES)
    fields = head.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        count, dim = map(int, fields)
        if dim < 1:
            raise BadInput(f"wanted vectors of one dimension or more; {path} states {dim}")
        file.seek(begin + len(head))
        lines = whole_lines(after)
        if dimensions(lines) is not None or (dim == 1 and not _CONTROL.search(after)):
            agreed(path, dim, lines, 2)
            return _text(file, path, "text", dim, count)
        _check_binary(after, path, count, dim)
        return _word2vec(file, path, count, dim)
    found = dimensions(whole_lines(head + after))
    if found is None:
        raise BadInput(
            f"wanted word2vec, fastText or GloVe vectors; {path} begins with {head[:40]!r}"
        )
    file.seek(begin)
    return _text(file, path, "GloVe text", found, None)


def _text(file: IO[bytes], path: Path, kind: str, dim: int, count: int | None) -> Source:
    broken: list[str] = []
    return Source(kind, dim, blocks(file, path, dim, broken, count), broken)


def _check_binary(sample: bytes, path: Path, count: int, dim: int) -> None:
    """Refuse what is no word2vec binary; raises BadInput with what it seems to be."""
    if not _CONTROL.search(sample) and _is_utf8(sample):
        line = sample.split(b"\n")[0][:40]
        raise BadInput(f"wanted a word and {dim} numbers; line 2 of {path} is {line!r}")
    if _are_records(sample, count, 4 * dim, "<f4"):
        return
    if _are_records(sample, count, 8 * dim, "<f8"):
        raise BadInput(f"the numbers in {path} take 8 bytes; wanted those of word2vec, float32")
    raise BadInput(
        f"the header of {path} says {dim} dimensions, but its first words do not lie that far "
        "apart: it is damaged, or no word2vec binary"
    )


def _are_records(sample: bytes, count: int, size: int, kind: str) -> bool:
    """Whether the first words and vectors are such: words of text, numbers of a usual size."""
    at = 0
    for _ in range(min(count, _CHECKED_WORDS)):
        end = sample.find(b" ", at, at + LONGEST_WORD)
        if end < 0 or len(sample) < end + 1 + size:
            # The end of the sample, or of a file that was cut short: what is whole was right.
            return at > 0 or len(sample) < LONGEST_WORD + size
        raw = sample[at:end].lstrip(b"\n")
        at = end + 1 + size
        values = np.frombuffer(sample[end + 1 : at], kind)
        if not raw or _CONTROL.search(raw) or not np.all(np.abs(values) < _LARGEST):
            return False
        if not _is_utf8(raw):
            return False
    return True


def _is_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # it may end within a letter
    except UnicodeDecodeError:
        return False
    return True


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
                try:
                    more = file.read(1 << 20)
                except UNREADABLE as error:
                    broken.append(f"after {number} of {count} words: {error}")
                    more = b""
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
        else:
            if buffered.strip(b"\n"):
                broken.append(f"the file goes on after the {count} words that its header states")
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
    if dim < 1 or not 0 <= count <= size:
        raise BadInput(f"{path} is a damaged fastText model: {count} of {size} words, {dim}-d")
    read("q")
    (pruned,) = read("q")
    words = []
    for _ in range(size):
        raw = bytearray()
        while (byte := file.read(1)) not in (b"\0", b""):
            raw += byte
            if len(raw) > LONGEST_WORD:
                raise BadInput(f"{path} is a damaged fastText model: a word without an end")
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
