"""Vectors of stems, in one small file: what a ranking knows of the meaning of single words.

The file is safetensors. Its arrays (S stems, D dimensions):

    text    (B,)   uint8    the stems in UTF-8, each followed by a line feed
    codes   (S, D) int8     the vector of each stem, of length 1 when scaled
    scales  (S,)   float32  of each row of the codes

The header's metadata has one entry, `retrieve`: JSON with where it comes from and the SHA-256
of every array.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import WeightsError

FORMAT = 1
KIND = "stem-vectors"
ARRAYS = ("codes", "scales", "text")

Matrix = NDArray[np.float32]


class StemVectors:
    """Stem → unit vector of D dimensions; zeros for a stem without one."""

    def __init__(
        self, stems: Sequence[str], codes: NDArray[np.int8], scales: NDArray[np.float32]
    ) -> None:
        self._row = {stem: row for row, stem in enumerate(stems)}
        self._codes = codes
        self._scales = scales

    @property
    def dim(self) -> int:
        return int(self._codes.shape[1])

    def __len__(self) -> int:
        return len(self._row)

    def __contains__(self, stem: str) -> bool:
        return stem in self._row

    def vectors(self, stems: Iterable[str]) -> Matrix:
        """(N, D) float32 rows of length 1, or 0 for a stem that the table does not know."""
        rows = np.array([self._row.get(stem, -1) for stem in stems], np.int64)
        if not len(self):
            return np.zeros((len(rows), self.dim), np.float32)
        found = self._codes[rows].astype(np.float32)
        found *= np.where(rows < 0, np.float32(0), self._scales[rows])[:, None]
        return found


def none(dim: int) -> StemVectors:
    """A table that knows no stem."""
    return StemVectors([], np.zeros((0, dim), np.int8), np.zeros(0, np.float32))


def read(path: Path) -> tuple[StemVectors, dict[str, Any]]:
    """A file of stem vectors, its checksums verified, and what it says of itself.

    raises  WeightsError if it is missing, cut short, foreign or damaged
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as stored:
            about = json.loads((stored.metadata() or {})["retrieve"])
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        if about["kind"] != KIND or about["format"] != FORMAT:
            raise ValueError(f"{about['kind']} {about['format']}, wanted {KIND} {FORMAT}")
        damaged = [name for name in ARRAYS if _sha256(arrays[name]) != about["sha256"][name]]
    except OSError as error:
        raise WeightsError(f"cannot read stem vectors: {error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} does not hold stem vectors of this toolkit ({error}); "
            "to make them: retrieve train ranking"
        ) from error
    if damaged:
        raise WeightsError(
            f"{path} is damaged: {', '.join(damaged)} is not what was written. "
            "Install the package again, or train again"
        )
    stems = bytes(arrays["text"]).decode().splitlines()
    return StemVectors(stems, arrays["codes"], arrays["scales"]), about


def save(path: Path, stems: Sequence[str], vectors: Matrix, origin: dict[str, Any]) -> None:
    """Write stem vectors in 8 bits; the file appears whole or not at all.

    vectors  (S, D) of any length but 0
    """
    from safetensors.numpy import save_file

    codes = np.rint(vectors / np.abs(vectors).max(axis=1, keepdims=True) * 127).astype(np.int8)
    lengths = np.linalg.norm(codes.astype(np.float32), axis=1)
    text = "".join(f"{stem}\n" for stem in stems).encode()
    arrays: dict[str, NDArray[Any]] = {
        "text": np.frombuffer(text, np.uint8),
        "codes": codes,
        "scales": (1 / lengths).astype(np.float32),
    }
    about = origin | {
        "kind": KIND,
        "format": FORMAT,
        "sha256": {name: _sha256(arrays[name]) for name in ARRAYS},
    }
    metadata = {"retrieve": json.dumps(about, ensure_ascii=False, sort_keys=True)}
    with replacing(path) as temporary:
        save_file(arrays, temporary, metadata=metadata)


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
