"""The embeddings that a run made of texts until it was cut off, for the next one to go on with.

A file in the collection's folder of what can be made again: MAGIC, D, what the encoder's weights
are known by (BLAKE2b), then for each text the first 16 bytes of its BLAKE2b, its embedding, and the
CRC-32 of both. Texts are known by what they say, so that nothing refers to the catalog; a record
that is torn or damaged is made again. Whoever removes a text from the collection removes the whole
file: it may hold that text's embedding.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np

from retrieve.errors import CollectionError
from retrieve.indexes.files import open_regular
from retrieve.types import Embeddings

CACHE_FOLDER = "cache"  # as indexes/search/engine.py has it
NAME = "passages.staged"
MAGIC = b"Rst1"
HEAD = struct.Struct("<4sI32s")
KEY_BYTES = 16
_CRC = struct.Struct("<I")


def key_of(text: str) -> bytes:
    """By what a text is known in the file."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


def path_in(folder: Path) -> Path:
    """Where the file of a collection lies."""
    return folder / CACHE_FOLDER / NAME


def drop(folder: Path) -> None:
    """Let all go that was made so far."""
    path_in(folder).unlink(missing_ok=True)


class Resumed:
    """An open file: what it holds, and where more goes.

    found  key → embedding, of all records that are whole
    """

    def __init__(self, fd: int, dim: int, weights_sha256: str) -> None:
        self._fd = fd
        self._record = KEY_BYTES + 4 * dim
        self.found: dict[bytes, Embeddings] = {}
        head = HEAD.pack(MAGIC, dim, blake2b(weights_sha256.encode(), digest_size=32).digest())
        if os.pread(fd, HEAD.size, 0) != head:
            os.ftruncate(fd, 0)
            os.pwrite(fd, head, 0)
        self._end = HEAD.size
        for record in self._records():
            self.found[record[:KEY_BYTES]] = np.frombuffer(record[KEY_BYTES:], "<f4")

    def _records(self) -> Iterator[bytes]:
        """All that are whole; behind the first that is not, more is written."""
        size = self._record + _CRC.size
        while len(block := os.pread(self._fd, size, self._end)) == size:
            record = block[: self._record]
            if _CRC.pack(zlib.crc32(record)) != block[self._record :]:
                return
            self._end += size
            yield record

    def add(self, keys: Sequence[bytes], embeddings: Embeddings) -> None:
        """Keep more, flushed to the disk."""
        block = b""
        for key, row in zip(keys, embeddings, strict=True):
            record = key + row.astype("<f4").tobytes()
            block += record + _CRC.pack(zlib.crc32(record))
            self.found[key] = row
        os.pwrite(self._fd, block, self._end)
        os.fdatasync(self._fd)
        self._end += len(block)


@contextmanager
def resumed(folder: Path, dim: int, weights_sha256: str) -> Iterator[Resumed]:
    """The file of a collection, begun anew if it is of another encoder.

    raises  CollectionError if another process has it open, or the disk refuses
    """
    path = path_in(folder)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        fd = open_regular(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise CollectionError(f"cannot keep what is embedded in {path}: {error}") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CollectionError(
                f"another process is moving the texts of {folder} to another encoder"
            ) from error
        yield Resumed(fd, dim, weights_sha256)
    finally:
        os.close(fd)
