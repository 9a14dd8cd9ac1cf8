"""One JSON object a line: the header, then a record each. Crops are base64."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from retrieve.errors import BadInput
from retrieve.indexes.exchange.checks import header_from, record_from
from retrieve.indexes.exchange.records import Header, Record, fields_of

MAX_LINE = 1 << 24  # bytes; 4096-d embeddings with a crop take 60 kB
PART = 1 << 20


@contextmanager
def writing(path: Path, header: Header, *, crops: bool) -> Iterator[Callable[[Record], None]]:
    """Gives a function that writes one record."""
    # Nine digits tell every float32 from its neighbours, read as double too.
    numbers = ",".join(["%.9g"] * header.dim)
    with path.open("w", encoding="ascii", buffering=PART) as file:
        file.write(json.dumps(header.fields()) + "\n")

        def write(record: Record) -> None:
            fields = fields_of(record)
            embedding, crop = fields.pop("embedding"), fields.pop("crop")
            if crops:
                fields["crop"] = None if crop is None else base64.b64encode(crop).decode()
            values = "null" if embedding is None else f"[{numbers % tuple(embedding.tolist())}]"
            line = json.dumps(fields, allow_nan=False)
            file.write(f'{line[:-1]}, "embedding": {values}}}\n')

        yield write


@contextmanager
def reading(path: Path) -> Iterator[tuple[Header, Iterator[tuple[str, Record | str]]]]:
    """The header, and for each line of the rest where it stands and what it says.

    raises  BadInput if it is no export
    """
    with path.open("rb", buffering=PART) as file:
        try:
            header = header_from(_object(file.readline(MAX_LINE)), path)
        except (ValueError, RecursionError) as error:
            raise BadInput(
                f"{path} is no export of retrieve: its first line is no header"
            ) from error
        yield header, _records(file, header.dim)


def _records(file: IO[bytes], dim: int) -> Iterator[tuple[str, Record | str]]:
    number = 1
    while line := file.readline(MAX_LINE):
        number += 1
        where = f"line {number}"
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while not line.endswith(b"\n") and (line := file.readline(MAX_LINE)):
                pass
            yield where, f"it is longer than {MAX_LINE} bytes"
            continue
        if not line.strip():
            continue
        try:
            fields = _object(line)
            if fields.get("crop") is not None:
                fields["crop"] = base64.b64decode(fields["crop"], validate=True)
            yield where, record_from(fields, dim)
        except BadInput as error:
            yield where, str(error)
        except (binascii.Error, TypeError):
            yield where, "crop is not in base64"
        except (ValueError, RecursionError) as error:
            yield where, f"it is no JSON object: {error}"


def _object(line: bytes) -> dict[str, Any]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}")
    return value
