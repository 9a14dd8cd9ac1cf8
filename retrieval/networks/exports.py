"""Networks that ship converted: name, precision and weights → an ONNX model, checked.

A folder holds them as `NAME-PRECISION.onnx`, beside `networks.json`, which says of each what
it was made from, by what, and the SHA-256 of the file. `retrieve.training.networks` makes both.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import WeightsError

RECORD = "networks.json"
GRAPH = "graph"  # in the place of a precision: float32, without the weights (filled.py)


@dataclass(frozen=True, slots=True)
class Export:
    """One network of a record.

    precision       of the weights; or GRAPH
    weights         where the published weights lie, as weights.TABLE says it
    weights_sha256  of them, hexadecimal
    sha256          of the file, hexadecimal
    opset           version of ONNX's operators
    made_with       package → version
    """

    name: str
    precision: str
    file: str
    size_bytes: int
    sha256: str
    weights: str
    weights_sha256: str
    licence: str
    opset: int
    made_with: dict[str, str]


def record(folder: Path) -> list[Export]:
    """What ships in a folder; nothing where it has no record.

    raises  WeightsError if the record cannot be read
    """
    path = folder / RECORD
    if not path.is_file():
        return []
    try:
        return [Export(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} cannot be read: {error}. Install retrieve again") from error


def read(folder: Path, name: str, precision: str, weights_sha256: str) -> bytes | None:
    """The model, or None if these weights do not ship converted to that precision.

    raises  WeightsError if the file is absent or is not the one that the record describes
    """
    wanted = (name, precision, weights_sha256)
    for one in record(folder):
        if (one.name, one.precision, one.weights_sha256) == wanted:
            return _checked(folder / one.file, one.sha256)
    return None


def _checked(path: Path, sha256: str) -> bytes:
    try:
        model = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}. Install retrieve again") from error
    found = hashlib.sha256(model).hexdigest()
    if found != sha256:
        raise WeightsError(
            f"{path} is damaged: SHA-256 {found}, expected {sha256}. Install retrieve again: "
            f"pip install --force-reinstall --no-deps retrieve"
        )
    return model
