"""FAISS files of a collection: made at any time from its embeddings, so never the truth.

A file is MAGIC, then D and K (uint32), then how rows are turned (D, K float32), all
little-endian, then FAISS's file of their codes. FAISS's reader trusts what it reads, so a file
is parsed only after its SHA-256 was found to be the one in the catalog, from the very bytes that
were hashed, and only if it holds the one type of index that is written here. Files are private
to their owner.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import CollectionError
from retrieve.indexes.files import is_plain_folder, open_regular
from retrieve.indexes.search.directions import MOST_CODES
from retrieve.indexes.search.fastscan import FastScan
from retrieve.indexes.vectors.file import sync_folder

# Another one whenever codes mean something else, or too few of them were taken.
MAGIC = b"Rfs3"
TYPE_CODE = b"IPfs"  # FAISS's mark of an IndexPQFastScan
# First bytes of files as they once were: of rows that were not turned; with too few codes of rows
# that fill all of their dimensions.
EARLIER = (TYPE_CODE, b"Rfs2")
HEAD = struct.Struct("<4sII")
WRITE_BYTES = 1 << 20  # handed over by FAISS at a time
# Names of files written here; a name with .part was being written, perhaps by a process that died.
OURS = re.compile(r"\.?.+\.\d+\.[0-9a-f]{16}\.faiss(\.part)?")


@dataclass(frozen=True, slots=True)
class CacheFile:
    """What the catalog keeps of one file.

    name          in the folder of cached indexes
    sha256        hexadecimal
    covered       rows of the gallery in it
    trained_rows  rows there were when its centroids were chosen
    """

    name: str
    sha256: str
    covered: int
    trained_rows: int
    size_bytes: int


def write(folder: Path, space: str, generation: int, index: FastScan) -> CacheFile:
    """Put an index into a new file, whole and flushed, and say what to record of it.

    The folder is made, or made private, with mode 0700.
    index   of turned rows
    raises  OSError if it cannot be written; nothing of it is left then
    """
    import faiss

    api: Any = faiss  # its type stubs lack what is used here
    _private_folder(folder)
    name = f"{space}.{generation}.{secrets.token_hex(8)}.faiss"
    neighbour = folder / f".{name}.part"
    checksum = hashlib.sha256()
    size = 0
    fd = open_regular(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        try:

            def take(block: bytes) -> None:
                nonlocal size
                checksum.update(block)
                size += len(block)
                left = memoryview(block)
                while left:
                    left = left[os.write(fd, left) :]

            assert index.turned is not None
            take(HEAD.pack(MAGIC, *index.turned.shape) + index.turned.astype("<f4").tobytes())
            api.write_index(index.index, api.PyCallbackIOWriter(take, WRITE_BYTES))
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(neighbour, folder / name)  # noqa: PTH105
    except BaseException:
        neighbour.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return CacheFile(name, checksum.hexdigest(), index.covered, index.trained_rows, size)


def read(folder: Path, file: CacheFile, dim: int) -> FastScan | None:
    """The index in a file that the catalog records; None if there is no such file, or an earlier
    version of this program wrote it.

    dim     D of the embeddings that it must be of
    raises  CollectionError if the file is not private, not what was recorded or not an index
            of such embeddings; OSError if it cannot be read
    """
    import faiss

    path = folder / file.name
    if not OURS.fullmatch(file.name) or "/" in file.name:
        raise _refused(path, f"the catalog names an index {file.name!r}")
    data = _bytes(path, file.size_bytes)
    if data is None:
        return None
    if hashlib.sha256(data.data).hexdigest() != file.sha256:
        raise _refused(path, "its SHA-256 is not the one that the catalog records")
    if data[: len(TYPE_CODE)].tobytes() in EARLIER:
        return None
    turned, codes = _parts(path, data)
    index = _parsed(path, codes)
    wanted = (turned.shape[1], 4, faiss.METRIC_INNER_PRODUCT)
    if (index.d, index.pq.nbits, index.metric_type) != wanted or (
        index.pq.M > MOST_CODES or len(turned) != dim or index.ntotal != file.covered
    ):
        raise _refused(
            path,
            f"wanted {file.covered} rows of {dim}-d embeddings; "
            f"it holds {index.ntotal} rows of {len(turned)} dimensions",
        )
    return FastScan(index, trained_rows=file.trained_rows, turned=turned)


def _parts(path: Path, data: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """How rows are turned (D, K), and FAISS's part."""
    magic, D, K = HEAD.unpack(data[: HEAD.size].tobytes().ljust(HEAD.size, b"\0"))
    end = HEAD.size + 4 * D * K
    if magic != MAGIC or data[end : end + len(TYPE_CODE)].tobytes() != TYPE_CODE:
        raise _refused(path, "it holds another type of index than the one written here")
    turned = np.frombuffer(data[HEAD.size : end].tobytes(), "<f4").reshape(D, K)
    return turned, data[end:]


def _parsed(path: Path, codes: NDArray[np.uint8]) -> Any:
    import faiss

    api: Any = faiss
    try:
        return api.read_index(api.ZeroCopyIOReader(api.swig_ptr(codes), len(codes)))
    except RuntimeError as error:
        raise _refused(path, "FAISS cannot read it") from error


def _bytes(path: Path, size_bytes: int) -> NDArray[np.uint8] | None:
    """What is in the file, read once; None if it is absent."""
    if not is_plain_folder(path.parent):
        return None
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return None
    try:
        about = os.fstat(fd)
        if about.st_uid not in (os.geteuid(), 0, path.parent.stat().st_uid):
            raise _refused(path, "it belongs to somebody else")
        if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _refused(path, "others may write to it")
        if about.st_size != size_bytes:
            raise _refused(path, f"it has {about.st_size} bytes, the catalog says {size_bytes}")
        data = np.empty(size_bytes, np.uint8)
        left = data.data
        while left:
            count = os.readv(fd, [left])
            if count == 0:
                raise _refused(path, "it was cut short while it was read")
            left = left[count:]
        return data
    finally:
        os.close(fd)


def _private_folder(folder: Path) -> None:
    if not is_plain_folder(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _refused(path: Path, reason: str) -> CollectionError:
    return CollectionError(f"{path} is not used: {reason}. It can be removed: it is made anew")
