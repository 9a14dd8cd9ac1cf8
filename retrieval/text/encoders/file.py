"""One file that holds a text encoder: words, vectors, weights, LSTM, and where it comes from.

The file is safetensors, as that of the word vectors is. Its arrays (R rows, D dimensions, h
units in each direction of the LSTM, if it has one):

    text         (B,)   uint8    the words in UTF-8, each followed by a line feed; their rows come
                                 first, the hashed ones after them
    embeddings   (R, D) int8     the vector of each row
    log_weights  (R,)   float32  the logarithm of its weight
    lstm.weight_ih_l0 …          (4h, D) and (4h, h) int8, biases (4h,) float32, as torch names
                                 and orders them; `_reverse` for the backward direction
    gate.weight      (1, 2h) int8
    residual.weight  (D, 2h) int8
    NAME.scales      float32, one for each row of the int8 array NAME

The header's metadata has one entry, `retrieve`: JSON with name, format, language, sources,
licence, how the encoder was made, and the SHA-256 of every array.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import WeightsError
from retrieve.text.words.vectors import Origin
from retrieve.text.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from retrieve.models.text_encoder import TextEncoder

FORMAT = 1
KIND = "text-encoder"
SCALES = ".scales"
SMALLEST = 1e-12  # scale of a row of zeros


@dataclass(frozen=True, slots=True, eq=False)
class EncoderFile:
    """A file that was read and checked.

    words   of the vocabulary, the word of each of its first rows
    arrays  by name, as the file has them
    about   the metadata
    sha256  of the checksums of all arrays: what identifies the encoder
    """

    words: list[str]
    arrays: Mapping[str, NDArray[Any]]
    about: dict[str, Any]
    sha256: str

    @property
    def buckets(self) -> int:
        """Rows that come after those of the words."""
        return len(self.arrays["embeddings"]) - len(self.words)

    def decoded(self, name: str) -> NDArray[np.float32]:
        """An array in float32, whether it was quantised or not."""
        array = self.arrays[name]
        if name + SCALES not in self.arrays:
            return np.asarray(array, np.float32)
        scales: NDArray[np.float32] = self.arrays[name + SCALES]
        return array.astype(np.float32) * scales[:, None]


def read(path: Path) -> EncoderFile:
    """Read the file of an encoder and verify its checksums.

    raises  WeightsError if it is missing, cut short, foreign or damaged
    """
    return of_arrays(*checked(path, (KIND,)))


def of_arrays(
    arrays: Mapping[str, NDArray[Any]], about: dict[str, Any], sha256: str
) -> EncoderFile:
    """The file of such arrays, which were checked."""
    return EncoderFile(bytes(arrays["text"]).decode().splitlines(), arrays, about, sha256)


def checked(
    path: Path, kinds: Sequence[str]
) -> tuple[dict[str, NDArray[Any]], dict[str, Any], str]:
    """The arrays of a file of one of some kinds, its metadata, and what identifies it.

    raises  as read()
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as stored:
            about = json.loads((stored.metadata() or {})["retrieve"])
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        if about["kind"] not in kinds or about["format"] != FORMAT:
            raise ValueError(
                f"{about['kind']} {about['format']}, wanted {' or '.join(kinds)} {FORMAT}"
            )
    except OSError as error:
        raise WeightsError(f"cannot read a text encoder: {error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} does not hold a text encoder of this toolkit ({error}); "
            "to make one: retrieve train text-encoder"
        ) from error
    if set(about["sha256"]) != set(arrays):
        raise WeightsError(f"{path} is damaged: its arrays are not those of its header")
    for name, array in arrays.items():
        if (found := _sha256(array)) != about["sha256"][name]:
            raise WeightsError(
                f"{path} is damaged: array {name!r} has SHA-256 {found[:12]}…, wanted "
                f"{about['sha256'][name][:12]}…. Install the package again, or train again"
            )
    return arrays, about, _together(about["sha256"])


def save(path: Path, vocabulary: Vocabulary, model: TextEncoder, origin: Origin) -> None:
    """Write an encoder, its matrices in 8 bits; the file appears whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {"text": _text(vocabulary.words)}
    for name, value in model.state_dict().items():
        array = value.detach().cpu().numpy().astype(np.float32)
        if array.ndim == 2:
            arrays[name], arrays[name + SCALES] = quantize(array)
        else:
            arrays[name] = array
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write(path, arrays, origin)


def write(path: Path, arrays: Mapping[str, NDArray[Any]], origin: Origin, kind: str = KIND) -> None:
    """Write arrays as the file of an encoder of some kind."""
    from safetensors.numpy import save_file

    about = {
        "kind": kind,
        "format": FORMAT,
        "name": origin.name,
        "language": origin.language,
        "licence": origin.licence,
        "sources": list(origin.sources),
        "recipe": origin.recipe,
        "sha256": {name: _sha256(arrays[name]) for name in sorted(arrays)},
    }
    # One entry of metadata: safetensors gives several in an order that changes.
    text = json.dumps(about, ensure_ascii=False, sort_keys=True)
    with replacing(path) as temporary:
        save_file(dict(arrays), temporary, metadata={"retrieve": text})


def quantize(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(N, D) → int8 codes and (N,) float32 scales; codes times scale is the row again."""
    scales = np.maximum(np.abs(matrix).max(axis=1), SMALLEST) / 127
    return np.rint(matrix / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def _text(words: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("".join(f"{word}\n" for word in words).encode(), np.uint8)


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def _together(checksums: Mapping[str, str]) -> str:
    joined = "".join(f"{name} {checksums[name]}\n" for name in sorted(checksums))
    return hashlib.sha256(joined.encode()).hexdigest()
