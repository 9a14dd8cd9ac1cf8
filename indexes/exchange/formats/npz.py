"""numpy's archive: one array a field, row i for face i, nothing pickled.

Texts are arrays of fixed width, "" where a field is null; lists are joined by blanks,
remarks are JSON. Photos without faces have arrays of their own, `faceless_...`, so that
`embedding` holds faces alone. The arrays are spooled beside the file while it is written
and read in blocks, so that neither needs the whole of it in memory.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.indexes.exchange.checks import header_from, record_from
from retrieve.indexes.exchange.records import FIELDS, PHOTO_FIELDS, Header, Record, fields_of

HEADER = "retrieve"  # a text of JSON
FACELESS = "faceless_"
TEXTS = ("path", "paths", "gone_paths", "photo_sha256", "taken_at", "warnings", "person")
WHOLE = ("size_bytes", "height", "width", "faces", "face_id", "face")
DOUBLE = ("latitude", "longitude", "score", "quality")
JOINED = ("paths", "gone_paths")
BLOCK_ROWS = 512
MAX_ROW_BYTES = 1 << 20  # of one array
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member: equal collections make equal files


class _Column:
    """One array on its way to the file: numbers as they are, texts ending with NUL."""

    def __init__(self, name: str, dim: int, spool: IO[bytes]) -> None:
        self.name = name
        self.rows = 0
        self._spool = spool
        self._width = 1
        self._shape: tuple[int, ...] = {"landmarks": (5, 2), "embedding": (dim,)}.get(name, ())
        self._kind: str | None = "<f4"
        if name in TEXTS:
            self._kind = None
        elif name in WHOLE:
            self._kind = "<i8"
        elif name in DOUBLE:
            self._kind = "<f8"

    def add(self, value: Any) -> None:
        self.rows += 1
        if self._kind is None:
            text = "" if value is None else str(value)
            self._width = max(self._width, len(text))
            self._spool.write(text.encode() + b"\0")
        elif value is None:
            missing = -1 if self._kind == "<i8" else np.nan
            self._spool.write(np.full(self._shape, missing, self._kind).tobytes())
        else:
            self._spool.write(np.asarray(value, self._kind).tobytes())

    def put(self, archive: zipfile.ZipFile, prefix: str) -> None:
        """Write the array as a member; texts, padded to one width, are compressed."""
        kind = self._kind or f"<U{self._width}"
        member = zipfile.ZipInfo(f"{prefix}{self.name}.npy", EPOCH)
        member.compress_type = zipfile.ZIP_STORED if self._kind else zipfile.ZIP_DEFLATED
        self._spool.seek(0)
        with archive.open(member, "w", force_zip64=True) as out:
            shape = (self.rows, *self._shape)
            npy.write_array_header_1_0(out, {"descr": kind, "fortran_order": False, "shape": shape})
            for block in self._blocks():
                out.write(block)

    def _blocks(self) -> Iterator[bytes]:
        rest = b""
        while block := self._spool.read(1 << 18):
            if self._kind is not None:
                yield block
                continue
            *texts, rest = (rest + block).split(b"\0")
            for start in range(0, len(texts), BLOCK_ROWS):
                part = [text.decode() for text in texts[start : start + BLOCK_ROWS]]
                yield np.array(part, f"<U{self._width}").tobytes()


@contextmanager
def writing(path: Path, header: Header, *, crops: bool) -> Iterator[Callable[[Record], None]]:
    """Gives a function that takes one record; raises BadInput for crops."""
    if crops:
        raise BadInput("NPZ holds no pictures; --crops needs --to jsonl or --to parquet")
    with ExitStack() as stack:

        def columns(names: tuple[str, ...]) -> list[_Column]:
            return [
                _Column(
                    name,
                    header.dim,
                    stack.enter_context(tempfile.TemporaryFile(dir=path.parent)),
                )
                for name in names
            ]

        faces, photos = columns((*FIELDS, "embedding")), columns(PHOTO_FIELDS)

        def write(record: Record) -> None:
            fields = fields_of(record)
            for name in JOINED:
                fields[name] = " ".join(fields[name])
            fields["warnings"] = json.dumps(fields["warnings"], ensure_ascii=False)
            if fields["landmarks"] is not None:
                fields["landmarks"] = np.reshape(fields["landmarks"], (5, 2))
            for column in photos if record.face is None else faces:
                column.add(fields[column.name])

        yield write
        with zipfile.ZipFile(path, "w") as archive:
            with archive.open(zipfile.ZipInfo(f"{HEADER}.npy", EPOCH), "w") as out:
                npy.write_array(out, np.array(json.dumps(header.fields())), allow_pickle=False)
            for column in faces:
                column.put(archive, "")
            for column in photos:
                column.put(archive, FACELESS)


@contextmanager
def reading(path: Path) -> Iterator[tuple[Header, Iterator[tuple[str, Record | str]]]]:
    """The header, and for each face and photo its row, from 1, and what it says.

    raises  BadInput if it is no export
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise BadInput(f"{path} cannot be read as NPZ: {error}") from error
    with archive:
        try:
            with archive.open(f"{HEADER}.npy") as member:
                text = npy.read_array(member, allow_pickle=False)
            fields = json.loads(str(text))
        except (KeyError, ValueError, OSError, RecursionError, zipfile.BadZipFile):
            fields = {}
        header = header_from(fields if isinstance(fields, dict) else {}, path)
        yield header, _records(archive, header.dim, path)


def _records(archive: zipfile.ZipFile, dim: int, path: Path) -> Iterator[tuple[str, Record | str]]:
    for prefix, names in (("", (*FIELDS, "embedding")), (FACELESS, PHOTO_FIELDS)):
        for number, row in enumerate(_rows(archive, prefix, names, path), 1):
            where = f"{'photo without faces' if prefix else 'row'} {number}"
            try:
                yield where, record_from(_fields(row), dim)
            except BadInput as error:
                yield where, str(error)


def _rows(
    archive: zipfile.ZipFile, prefix: str, names: tuple[str, ...], path: Path
) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        try:
            members = {
                name: _Member(stack.enter_context(archive.open(f"{prefix}{name}.npy")))
                for name in names
            }
            counts = {member.rows for member in members.values()}
            if len(counts) != 1:
                raise BadInput(f"{path} is damaged: its arrays have {sorted(counts)} rows")
            for start in range(0, counts.pop(), BLOCK_ROWS):
                blocks = {name: member.read(start) for name, member in members.items()}
                for i in range(len(next(iter(blocks.values())))):
                    yield {name: block[i] for name, block in blocks.items()}
        except KeyError as error:
            raise BadInput(f"{path} is no whole export: {error.args[0]}") from error
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise BadInput(f"{path} is damaged: {error}") from error


class _Member:
    """One array of the archive, read in blocks of rows."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        version = npy.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"an array has the version {version}")
        shape, fortran, self._kind = npy.read_array_header_1_0(file)
        if self._kind.hasobject or fortran or not shape:
            raise ValueError("an array holds objects, or lies in another order")
        self.rows, self._row_shape = shape[0], shape[1:]
        self._row_bytes = self._kind.itemsize * int(np.prod(self._row_shape))
        if not 0 < self._row_bytes <= MAX_ROW_BYTES:
            raise ValueError(f"a row of an array takes {self._row_bytes} bytes")

    def read(self, start: int) -> NDArray[Any]:
        rows = min(BLOCK_ROWS, self.rows - start)
        wanted, parts = rows * self._row_bytes, []
        while wanted:
            part = self._file.read(wanted)
            if not part:
                raise ValueError("an array is cut short")
            parts.append(part)
            wanted -= len(part)
        return np.frombuffer(b"".join(parts), self._kind).reshape(rows, *self._row_shape)


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    """Plain values, with null for what arrays can only mark."""
    fields: dict[str, Any] = {}
    for name, value in row.items():
        if name in TEXTS:
            fields[name] = str(value) or None
        elif name in WHOLE:
            fields[name] = int(value)
        elif name == "embedding":
            fields[name] = value
        elif name == "landmarks":
            fields[name] = None if np.isnan(value).all() else np.ravel(value)
        else:
            fields[name] = None if np.isnan(value) else float(value)
    for name in JOINED:
        fields[name] = fields[name].split(" ") if fields[name] else []
    try:
        fields["warnings"] = json.loads(fields["warnings"] or "[]")
    except (ValueError, RecursionError) as error:
        raise BadInput("warnings cannot be read") from error
    return fields
