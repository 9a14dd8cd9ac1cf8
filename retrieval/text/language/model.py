"""The language model at use, in numpy: ids in, probabilities of the next piece out.

The network is the one of `retrieval/models/language_model.py`. A step takes under a
millisecond in numpy, and no torch is imported: `python -m benchmarks.language`.

The file is safetensors. Matrices are int8 with one scale a row, named as in the module with
`.scales` beside them; biases are float32; `pieces` holds the sentencepiece model. The
header's metadata has one entry, `retrieve`: JSON with format, name, licence, sources, the
shape, how the model was made, and the SHA-256 of every array.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput, WeightsError
from retrieve.text.language.pieces import Pieces

FORMAT = 1
SUFFIX = ".safetensors"
SHIPPED = Path(__file__).parents[1] / "data" / "es.language.safetensors"

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from; all of it is kept in the file."""

    name: str
    language: str = "es"
    licence: str = "unknown"
    sources: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What B texts that were read have left behind.

    h, c     (L, B, H) float32
    outputs  (B, D) float32, from which the next piece is foretold
    """

    h: Floats
    c: Floats
    outputs: Floats

    def rows(self, rows: Sequence[int]) -> State:
        """The states of some of the texts, which may repeat."""
        index = np.asarray(rows, np.int64)
        return State(self.h[:, index], self.c[:, index], self.outputs[index])

    def with_row(self, row: int, other: State) -> State:
        """The same with the one text of another state in the place of that row's."""
        h, c, outputs = self.h.copy(), self.c.copy(), self.outputs.copy()
        h[:, row], c[:, row], outputs[row] = other.h[:, 0], other.c[:, 0], other.outputs[0]
        return State(h, c, outputs)


class LanguageModel:
    """L LSTM layers over N pieces."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], about: dict[str, Any]) -> None:
        self.about = about
        self.pieces = Pieces(arrays["pieces"].tobytes())
        dims = about["dims"]
        edges = [0, *dims["cuts"], dims["pieces"]]
        self._ranges = list(pairwise(edges))
        self._layers = range(dims["layers"])
        weights = {
            name: _decoded(array, arrays[f"{name}.scales"]) if array.dtype == np.int8 else array
            for name, array in arrays.items()
            if name != "pieces" and not name.endswith(".scales")
        }
        self.weights: dict[str, Floats] = weights
        self._tables = [weights[f"tables.{i}"] for i in range(len(self._ranges))]
        self._hidden = int(dims["hidden"])
        if len(self.pieces) != dims["pieces"]:
            raise ValueError(f"{dims['pieces']} rows for {len(self.pieces)} pieces")

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of all arrays, in order of their names."""
        digests = self.about["sha256"]
        return hashlib.sha256(
            "".join(digests[name] for name in sorted(digests)).encode()
        ).hexdigest()

    def __len__(self) -> int:
        return int(self._ranges[-1][1])

    def start(self, batch: int = 1) -> State:
        """B texts of which nothing but <SOS> was read.

        In training a <SOS> follows the <EOS> of what stood before, so that is read first.
        """
        shape = (len(self._layers), batch, self._hidden)
        zeros = np.zeros(shape, np.float32)
        first = np.array([[self.pieces.end], [self.pieces.start]]).repeat(batch, 1)
        return self._run(first, zeros, zeros)[1]

    def read(self, state: State, ids: NDArray[np.integer[Any]]) -> State:
        """The state after T more pieces of each text.

        ids  (T, B); with T = 0 the state stays
        """
        return self._run(ids, state.h, state.c)[1] if len(ids) else state

    def next_pieces(self, state: State) -> Floats:
        """(B, N) probabilities of the next piece; each row sums to 1."""
        return np.asarray(np.exp(self._log_probabilities(state.outputs)), np.float32)

    def losses(self, texts: Sequence[NDArray[np.integer[Any]]], steps: int = 256) -> list[Floats]:
        """For each text the negative log-probability (nats) of each of its pieces, after <SOS>.

        texts   id arrays of any lengths, read side by side
        steps   how many pieces are read at once: bounds the memory
        """
        longest = max(map(len, texts), default=0)
        found = [np.empty(len(ids), np.float32) for ids in texts]
        padded = np.full((longest, len(texts)), self.pieces.end, np.int64)
        for column, ids in enumerate(texts):
            padded[: len(ids), column] = ids
        state = self.start(len(texts))
        for at in range(0, longest, steps):
            part = padded[at : at + steps]
            outputs, after = self._run(part, state.h, state.c)
            before = np.concatenate([state.outputs[None], outputs[:-1]])  # (T, B, D)
            losses = self._losses(before.reshape(-1, before.shape[-1]), part.ravel())
            for column, ids in enumerate(texts):
                inside = losses.reshape(part.shape)[: max(len(ids) - at, 0), column]
                found[column][at : at + steps] = inside
            state = after
        return found

    def embed(self, ids: NDArray[np.integer[Any]]) -> Floats:
        """(M,) ids → (M, D)."""
        x = np.empty((len(ids), self._tables[0].shape[1]), np.float32)
        for number, (first, stop) in enumerate(self._ranges):
            inside = (ids >= first) & (ids < stop)
            table = self._tables[number]
            rows = table[ids[inside] - first] * np.float32(table.shape[1] ** 0.5)
            x[inside] = rows @ self.weights[f"widen.{number - 1}.weight"].T if number else rows
        return x

    def _run(self, ids: NDArray[np.integer[Any]], h: Floats, c: Floats) -> tuple[Floats, State]:
        """(T, B) ids → (T, B, D) outputs and the state after them."""
        T, B = ids.shape
        H = self._hidden
        x = self.embed(ids.ravel())
        last_h, last_c = [], []
        for layer in self._layers:
            recurrent = self.weights[f"lstm.weight_hh_l{layer}"].T
            gates = x @ self.weights[f"lstm.weight_ih_l{layer}"].T
            gates += self.weights[f"lstm.bias_l{layer}"]
            gates = gates.reshape(T, B, 4 * H)
            hidden = np.empty((T, B, H), np.float32)
            h_t, c_t = h[layer], c[layer]
            for t in range(T):
                now = gates[t] + h_t @ recurrent  # (B, 4H): input, forget, cell, output
                cell = np.tanh(now[:, 2 * H : 3 * H])
                opened = np.tanh(now * 0.5) * 0.5 + 0.5  # σ, without an overflow
                c_t = opened[:, H : 2 * H] * c_t + opened[:, :H] * cell
                h_t = opened[:, 3 * H :] * np.tanh(c_t)
                hidden[t] = h_t
            last_h.append(h_t)
            last_c.append(c_t)
            x = hidden.reshape(T * B, H)
        outputs = (x @ self.weights["out.weight"].T + self.weights["out.bias"]).reshape(T, B, -1)
        return outputs, State(np.stack(last_h), np.stack(last_c), outputs[-1])

    def _frequent(self, x: Floats) -> Floats:
        """(M, D) → (M, N₀ + classes) log-probabilities."""
        logits = x @ self._tables[0].T + self.weights["biases.0"]
        classes = x @ self.weights["classes.weight"].T + self.weights["classes.bias"]
        return _log_softmax(np.concatenate([logits, classes], 1))

    def _rare(self, x: Floats, number: int) -> Floats:
        """(M, D) → (M, Nᵢ) log-probabilities inside a class of rarer pieces."""
        narrow = x @ self.weights[f"narrow.{number - 1}.weight"].T
        return _log_softmax(narrow @ self._tables[number].T + self.weights[f"biases.{number}"])

    def _log_probabilities(self, x: Floats) -> Floats:
        frequent = len(self._tables[0])
        first = self._frequent(x)
        parts = [first[:, :frequent]]
        for number in range(1, len(self._ranges)):
            share = first[:, frequent + number - 1, None]
            parts.append(share + self._rare(x, number))
        return np.concatenate(parts, 1)

    def _losses(self, x: Floats, targets: NDArray[np.integer[Any]]) -> Floats:
        """(M, D) outputs and (M,) next ids → (M,) negative log-probabilities."""
        frequent = len(self._tables[0])
        where = targets.copy()
        for number, (first, stop) in enumerate(self._ranges[1:]):
            where[(targets >= first) & (targets < stop)] = frequent + number
        losses = -self._frequent(x)[np.arange(len(x)), where]
        for number, (first, stop) in enumerate(self._ranges[1:], 1):
            inside = np.flatnonzero((targets >= first) & (targets < stop))
            rows = np.arange(len(inside))
            losses[inside] -= self._rare(x[inside], number)[rows, targets[inside] - first]
        return np.asarray(losses, np.float32)


def models_dir() -> Path:
    """Where language models of the user's own lie, by name."""
    return Path(platformdirs.user_data_dir("retrieve")) / "language"


def known() -> dict[str, Path]:
    """The models that have a name: the shipped one, and those that were trained here."""
    return {"es": SHIPPED} | {path.stem: path for path in sorted(models_dir().glob(f"*{SUFFIX}"))}


def locate(name_or_path: str) -> Path:
    """The file behind a name, or the file itself; raises BadInput with the names there are."""
    path = known().get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise BadInput(
            f"no language model is called {name_or_path!r}, and there is no such file; there are: "
            f"{', '.join(known())}"
        )
    return path


def open_language(name_or_path: str = "es") -> LanguageModel:
    """Read a language model and verify its checksums.

    name_or_path  "es" is the shipped one; a name that was trained; or a file
    raises        BadInput if it is none of these, WeightsError if the file is foreign or damaged
    """
    path = locate(name_or_path)
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            about = json.loads((file.metadata() or {})["retrieve"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']}, this version reads {FORMAT}")
        for name, expected in about["sha256"].items():
            if (found := _sha256(arrays[name])) != expected:
                raise WeightsError(
                    f"{path} is damaged: array {name!r} has SHA-256 {found[:12]}…, wanted "
                    f"{expected[:12]}…. Install the package again, or train the model again"
                )
        return LanguageModel(arrays, about)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} does not hold a language model of this toolkit ({error}); "
            "to make one: retrieve train language-model CORPUS --out FILE"
        ) from error


def save(
    path: Path,
    weights: Mapping[str, Floats],
    pieces: bytes,
    dims: dict[str, Any],
    origin: Origin,
) -> None:
    """Write a language model; the file appears whole or not at all.

    weights  of the module by name; matrices are brought to 8 bits, one scale a row
    pieces   the sentencepiece model
    """
    from safetensors.numpy import save_file

    arrays: dict[str, NDArray[Any]] = {"pieces": np.frombuffer(pieces, np.uint8)}
    for name, array in weights.items():
        if array.ndim == 2:
            arrays[name], arrays[f"{name}.scales"] = quantize(array)
        else:
            arrays[name] = np.ascontiguousarray(array, np.float32)
    about = {
        "format": FORMAT,
        "name": origin.name,
        "language": origin.language,
        "licence": origin.licence,
        "sources": list(origin.sources),
        "recipe": origin.recipe,
        "dims": dims,
        "sha256": {name: _sha256(arrays[name]) for name in sorted(arrays)},
    }
    text = json.dumps(about, ensure_ascii=False, sort_keys=True)
    with replacing(path) as temporary:
        save_file(arrays, temporary, metadata={"retrieve": text})


def quantize(matrix: Floats) -> tuple[NDArray[np.int8], Floats]:
    """(R, C) → int8 codes and (R,) scales; codes times scales is at most half a step off."""
    scales = np.maximum(np.abs(matrix).max(axis=1), 1e-12) / 127
    codes = np.rint(matrix / scales[:, None]).astype(np.int8)
    return codes, scales.astype(np.float32)


def _decoded(codes: NDArray[np.int8], scales: Floats) -> Floats:
    return codes.astype(np.float32) * scales[:, None]


def _log_softmax(x: Floats) -> Floats:
    x = x - x.max(axis=1, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=1, keepdims=True)), np.float32)


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
