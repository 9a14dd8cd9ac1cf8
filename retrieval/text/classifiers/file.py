"""One file that holds a text classifier: weights, classes, what was fitted after, its origin.

The file is safetensors. A linear layer on an encoder has (D numbers an embedding, K classes):

    weights         (D, K) int8     what each number says for each class
    weights.scales  (K,)   float32  of each class
    bias            (K,)   float32

An LSTM has the arrays of `retrieval/models/text_classifier.py`, matrices in int8 with one scale
a row in `NAME.scales`, and beside them

    pieces          (B,) uint8      its sentencepiece model
    rows            (P,) int32      the row of each piece in `embeddings`, 0 for a rare one

The header's metadata has one entry, `retrieve`: JSON with the fields of `About` and the
SHA-256 of every array.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import WeightsError

FORMAT = 1
SUFFIX = ".safetensors"
SCALES = ".scales"
SMALLEST = 1e-12  # scale of a row of zeros

Floats = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted on texts that the network was not trained on.

    temperature  logits are divided by it before they become probabilities
    threshold    a text whose `familiarity` is lower belongs to none of the classes; None
                 without one
    passes       the share of texts of the classes that reach the threshold
    short        of texts of at most so many characters the threshold: few are familiar less
    """

    temperature: float = 1.0
    threshold: float | None = None
    passes: float = 1.0
    short: tuple[tuple[int, float], ...] = ()

    def threshold_of(self, length: int) -> float | None:
        """The threshold of a text of so many characters, as length_of() counts them."""
        if self.threshold is None:
            return None
        return next((least for most, least in self.short if length <= most), self.threshold)


@dataclass(frozen=True, slots=True)
class About:
    """What a classifier is and where it comes from; all of it is kept in the file.

    model           "linear" or "lstm"
    classes         K names, in the order of the weights
    encoder         of a linear layer: its name
    encoder_sha256  of its weights: another encoder of that name is an error
    grams           of the encoder `ngrams`: what it counts
    figures         measured on texts of groups that were not trained on
    """

    name: str
    model: str
    classes: tuple[str, ...]
    encoder: str = ""
    encoder_sha256: str = ""
    grams: dict[str, Any] = field(default_factory=dict)
    fitted: Fitted = field(default_factory=Fitted)
    licence: str = "unknown"
    sources: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


def length_of(text: str) -> int:
    """Characters of a text, blanks in a row as one; a word says more where words are long."""
    return len(" ".join(text.split()))


def read(path: Path) -> tuple[About, Arrays]:
    """Read a classifier's file and verify its checksums.

    raises  WeightsError if it is missing, cut short, foreign or damaged
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as stored:
            header = json.loads((stored.metadata() or {})["retrieve"])
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        kind, version = header.pop("kind"), header.pop("format")
        if kind != "text-classifier" or version != FORMAT:
            raise ValueError(f"{kind} {version}, wanted text-classifier {FORMAT}")
        checksums = header.pop("sha256")
        fitted = header["fitted"]
        fitted["short"] = tuple((int(most), least) for most, least in fitted.get("short", ()))
        header["fitted"] = Fitted(**fitted)
        header["classes"], header["sources"] = tuple(header["classes"]), tuple(header["sources"])
        about = About(**header)
    except OSError as error:
        raise WeightsError(f"cannot read a classifier: {error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} does not hold a classifier of this toolkit ({error}); "
            "to make one: retrieve train classifier"
        ) from error
    if set(checksums) != set(arrays):
        raise WeightsError(f"{path} is damaged: its arrays are not those of its header")
    for name, array in arrays.items():
        if (found := _sha256(array)) != checksums[name]:
            raise WeightsError(
                f"{path} is damaged: array {name!r} has SHA-256 {found[:12]}…, wanted "
                f"{checksums[name][:12]}…. Install the package again, or train again"
            )
    return about, arrays


def save(path: Path, about: About, arrays: Arrays) -> None:
    """Write a classifier; the file appears whole or not at all."""
    from safetensors.numpy import save_file

    kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    checksums = {name: _sha256(kept[name]) for name in sorted(kept)}
    header = {"kind": "text-classifier", "format": FORMAT, "sha256": checksums} | asdict(about)
    # One entry of metadata: safetensors gives several in an order that changes.
    text = json.dumps(header, ensure_ascii=False, sort_keys=True)
    with replacing(path) as temporary:
        save_file(kept, temporary, metadata={"retrieve": text})


def quantize(name: str, matrix: Floats, axis: int) -> dict[str, NDArray[Any]]:
    """A matrix in 8 bits, with one scale for each row (axis 1) or column (axis 0)."""
    scales = np.maximum(np.abs(matrix).max(axis=axis, keepdims=True), SMALLEST) / 127
    codes = np.rint(matrix / scales).astype(np.int8)
    return {name: codes, name + SCALES: scales.ravel().astype(np.float32)}


def decoded(arrays: Arrays, name: str) -> Floats:
    """An array in float32: one that has a scale for each row, or none."""
    array = arrays[name].astype(np.float32)
    scales = arrays.get(name + SCALES)
    return np.asarray(array if scales is None else array * scales[:, None], np.float32)


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
