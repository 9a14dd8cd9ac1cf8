"""A file made of parts of another one, without a copy of it in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

File = io.BufferedReader | io.BytesIO  # open for reading bytes


class Part(NamedTuple):
    """A stretch of a file."""

    start: int
    length: int


class Pieces(io.RawIOBase):
    """Stretches of a file and bytes of one's own, one after the other, to be read.

    The file is sought in, so that nobody else may read it meanwhile.
    """

    def __init__(self, file: File, pieces: Sequence[Part | bytes]) -> None:
        self._file = file
        self._pieces = [(piece, _length(piece)) for piece in pieces]
        self._size = sum(length for _, length in self._pieces)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """As many bytes as one piece gives."""
        start = 0
        for piece, length in self._pieces:
            inside = self._at - start
            start += length
            if inside < length:
                count = min(len(buffer), length - inside)
                if isinstance(piece, bytes):
                    content = piece[inside : inside + count]
                else:
                    self._file.seek(piece.start + inside)
                    content = self._file.read(count)
                buffer[: len(content)] = content
                self._at += len(content)
                return len(content)
        return 0


def opened(file: File, *pieces: Part | bytes) -> io.BufferedReader:
    """The pieces as a file with a buffer."""
    return io.BufferedReader(Pieces(file, pieces), 1 << 16)


def size_of(file: File) -> int:
    """How many bytes a file has; it stands at its end then."""
    return file.seek(0, io.SEEK_END)


def _length(piece: Part | bytes) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.length
