"""The append-only file of embeddings: little-endian float32, row after row, no header.

Row i lies at byte i * D * 4. The file is trusted up to the row count that the
catalog has committed; what lies behind is the torn tail of a writer that died,
and the next writer overwrites it.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import CollectionError
from retrieve.indexes.files import open_regular, size_bytes
from retrieve.networks.own import check_embeddings
from retrieve.types import Embeddings


class FileMissing(CollectionError):
    """The vector file is not there; a reader looks at the catalog again."""


class VectorFile:
    """Embeddings of one space on disk."""

    def __init__(self, path: Path, dim: int) -> None:
        self.path = path
        self.dim = dim

    def write(self, first_row: int, embeddings: Embeddings) -> None:
        """Put rows from `first_row` on and flush them to the disk.

        Call inside the catalog's write transaction, with its committed row count.
        raises  BadInput for rows that are not unit float32, CollectionError if the file does
                not hold what is committed: writing behind that would hide it
        """
        check_embeddings(embeddings, self.dim)
        self._check_holds(first_row)
        new = size_bytes(self.path) is None
        fd = open_regular(self.path, os.O_WRONLY | os.O_CREAT)
        try:
            self._put(fd, first_row, embeddings)
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if new:
            sync_folder(self.path.parent)

    def overwrite(self, rows: Sequence[int], values: NDArray[np.float32]) -> None:
        """Put other values, zeros too, into rows that are there, and flush them.

        rows    ascending
        values  (len(rows), D) float32
        """
        fd = open_regular(self.path, os.O_WRONLY)
        try:
            numbers = np.asarray(rows, np.int64)
            for run in np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) > 1) + 1):
                if len(run):
                    self._put(fd, int(numbers[run[0]]), values[run])
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def cut(self, rows: int) -> None:
        """Drop what lies behind that many rows; call inside the catalog's write transaction."""
        wanted = rows * self.dim * 4
        if (size_bytes(self.path) or 0) > wanted:
            fd = open_regular(self.path, os.O_WRONLY)
            try:
                os.ftruncate(fd, wanted)
            finally:
                os.close(fd)

    def lengthen(self, rows: int) -> None:
        """Put zeros where a file was cut short, or is missing: damage that can be repaired."""
        wanted = rows * self.dim * 4
        fd = open_regular(self.path, os.O_WRONLY | os.O_CREAT)
        try:
            if os.fstat(fd).st_size < wanted:
                os.ftruncate(fd, wanted)
                os.fsync(fd)
        finally:
            os.close(fd)

    def held(self) -> int:
        """How many whole rows the file holds; 0 if it is missing."""
        return (size_bytes(self.path) or 0) // (self.dim * 4)

    def _put(self, fd: int, first_row: int, values: NDArray[np.float32]) -> None:
        if not values.size:
            return
        # Not a copy: the passages of a large text are a hundred megabytes.
        data = np.ascontiguousarray(values, "<f4").reshape(-1).view(np.uint8).data
        offset = first_row * self.dim * 4
        while data:
            written = os.pwrite(fd, data, offset)
            data, offset = data[written:], offset + written

    def read(self, rows: int, *, scattered: bool = False) -> Embeddings:
        """The first `rows` embeddings, (rows, D) float32, mapped and not loaded.

        scattered  they will be read here and there: a page that is not in memory is read alone.
                   Otherwise the system reads as much around it as it reads ahead: 128 kB, of some
                   disks 8 MB, for a row of half a kB
        raises     CollectionError if the file is shorter than that, FileMissing if there is none
        """
        if rows == 0:
            return np.empty((0, self.dim), np.float32)
        self._check_holds(rows)
        try:
            fd = open_regular(self.path)
            try:
                mapped = mmap.mmap(fd, rows * self.dim * 4, access=mmap.ACCESS_READ)
            finally:
                os.close(fd)
            if scattered:
                mapped.madvise(mmap.MADV_RANDOM)
            return np.frombuffer(mapped, "<f4").reshape(rows, self.dim)
        except FileNotFoundError as error:  # since it was looked at
            raise self._missing(rows) from error
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def expect(self, firsts: Iterable[int], rows: int) -> None:
        """Have the system read what is not in memory of some runs of rows, all at the same time.

        firsts  of each run its first row; a run is so many rows long
        """
        if not hasattr(os, "posix_fadvise"):  # macOS
            return
        try:
            fd = open_regular(self.path)
        except OSError:  # whoever reads the rows says so
            return
        try:
            row_bytes = self.dim * 4
            for first in firsts:
                start = first * row_bytes
                os.posix_fadvise(fd, start, rows * row_bytes, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(fd)

    def status(self, rows: int) -> os.stat_result:
        """What the file system says of the file, whose committed rows are so many.

        raises  CollectionError if it cannot be asked, FileMissing if there is no file
        """
        try:
            return self.path.lstat()
        except FileNotFoundError as error:
            raise self._missing(rows) from error
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def _missing(self, rows: int) -> FileMissing:
        return FileMissing(
            f"{self.path} is missing: the catalog counts {rows} embeddings in it. Restore it "
            "from a backup, or index into a new collection"
        )

    def _check_holds(self, rows: int) -> None:
        if rows == 0:
            return
        wanted = rows * self.dim * 4
        try:
            size = size_bytes(self.path)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if size is None:
            raise self._missing(rows)
        if size < wanted:
            raise CollectionError(
                f"{self.path} is damaged: the catalog counts {rows} embeddings ({wanted} bytes), "
                f"the file holds {size} bytes. Restore it from a backup, or index into a new "
                "collection"
            )


def _unreadable(path: Path, error: OSError) -> CollectionError:
    return CollectionError(
        f"cannot read {path}: {(error.strerror or str(error)).lower()}. Give yourself the right to "
        "read it, or look at the disk"
    )


def sync_folder(folder: Path) -> None:
    """Flush a folder, so that a file that was made in it is there after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
