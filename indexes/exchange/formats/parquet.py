"""Apache Parquet through pyarrow: a row a record, the header in the schema's metadata."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrieve.errors import BadInput
from retrieve.extras import optional
from retrieve.indexes.exchange.checks import header_from, record_from
from retrieve.indexes.exchange.records import FIELDS, Header, Record, fields_of

KEY = b"retrieve"
GROUP_ROWS = 4096  # written at once: 2 MB of 128-d embeddings
READ_ROWS = 512


@contextmanager
def writing(path: Path, header: Header, *, crops: bool) -> Iterator[Callable[[Record], None]]:
    """Gives a function that writes one record; raises MissingExtra without pyarrow."""
    pa, pq = _arrow()
    schema = _schema(pa, header, crops)
    waiting: list[dict[str, Any]] = []
    plain = [name for name in schema.names if name not in ("embedding", "landmarks", "crop")]
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=plain) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(waiting, schema))
            waiting.clear()

        def write(record: Record) -> None:
            waiting.append(fields_of(record))
            if len(waiting) == GROUP_ROWS:
                flush()

        yield write
        if waiting:
            flush()


@contextmanager
def reading(path: Path) -> Iterator[tuple[Header, Iterator[tuple[str, Record | str]]]]:
    """The header, and for each row its number, from 1, and what it says.

    raises  BadInput if it is no export, MissingExtra without pyarrow
    """
    pa, pq = _arrow()
    try:
        # Reading ahead would hold the whole file in memory: 200 MB of 400,000 faces, not 7.
        file = pq.ParquetFile(path, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path} cannot be read as Parquet: {error}") from error
    with file:
        try:
            fields = json.loads((file.schema_arrow.metadata or {}).get(KEY, b"{}"))
        except (ValueError, RecursionError):
            fields = {}
        header = header_from(fields if isinstance(fields, dict) else {}, path)
        yield header, _records(pa, file, header.dim, path)


def _records(pa: Any, file: Any, dim: int, path: Path) -> Iterator[tuple[str, Record | str]]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=READ_ROWS):
            for fields in batch.to_pylist():
                number += 1
                try:
                    yield f"row {number}", record_from(fields, dim)
                except BadInput as error:
                    yield f"row {number}", str(error)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path} is damaged after row {number}: {error}") from error


def _schema(pa: Any, header: Header, crops: bool) -> Any:
    kinds = {
        **dict.fromkeys(("path", "photo_sha256", "taken_at", "person"), pa.string()),
        **dict.fromkeys(("paths", "gone_paths", "warnings"), pa.list_(pa.string())),
        **dict.fromkeys(("size_bytes", "face_id"), pa.int64()),
        **dict.fromkeys(("height", "width", "faces", "face"), pa.int32()),
        **dict.fromkeys(("x1", "y1", "x2", "y2"), pa.float32()),
        **dict.fromkeys(("latitude", "longitude", "score", "quality"), pa.float64()),
        "landmarks": pa.list_(pa.float32(), 10),
    }
    columns = [(name, kinds[name]) for name in FIELDS]
    columns.append(("embedding", pa.list_(pa.float32(), header.dim)))
    if crops:
        columns.append(("crop", pa.binary()))
    return pa.schema(columns, metadata={KEY: json.dumps(header.fields())})


def _arrow() -> tuple[Any, Any]:
    with optional("Parquet, unlike CSV, JSON lines and NPZ,"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow, pyarrow.parquet
