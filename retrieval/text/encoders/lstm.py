"""The network of `retrieval/models/text_encoder.py` in numpy, for a search that imports no torch.

Texts of any lengths go through together, packed: at step t only those that are longer than t
are computed. ONNX Runtime takes .11 ms a query against .42 here, but .06 CPU s more to start,
what 190 queries take to win back: `python -m benchmarks.text_encoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized

import numpy as np
from numpy.typing import NDArray

from retrieve.text.encoders.file import SCALES, EncoderFile
from retrieve.types import Embeddings

Matrix = NDArray[np.float32]

INPUT_SCALE = np.float32(8.0)  # as in training
BATCH_ROWS = 8192  # rows of the vocabulary computed at once; bounds memory to about 80 MB


class LstmEncoder:
    """An encoder's file, ready to embed rows of its vocabulary."""

    def __init__(self, file: EncoderFile) -> None:
        self._codes = file.arrays["embeddings"]
        self._scales = file.arrays.get(f"embeddings{SCALES}")
        self._log_weights: Matrix = file.arrays["log_weights"]
        self._directions = (
            (Direction(file.decoded), Direction(file.decoded, "_reverse"))
            if "lstm.weight_ih_l0" in file.arrays
            else None
        )
        if self._directions:
            self._gate = file.decoded("gate.weight")[0]
            self._residual = np.ascontiguousarray(file.decoded("residual.weight").T)

    @property
    def dim(self) -> int:
        return int(self._codes.shape[1])

    def embed(self, texts: Sequence[Sequence[int]]) -> Embeddings:
        """(N, D) unit rows for N texts, each one or more rows of the vocabulary."""
        embeddings = np.empty((len(texts), self.dim), np.float32)
        for batch in batches(texts):
            embeddings[batch] = self._batch([texts[i] for i in batch])
        return embeddings

    def _batch(self, texts: Sequence[Sequence[int]]) -> Embeddings:
        lengths = np.array([len(text) for text in texts])
        rows = np.concatenate([np.asarray(text, np.int64) for text in texts])  # (M,)
        starts = np.cumsum(lengths) - lengths
        words = self._codes[rows].astype(np.float32)  # (M, D)
        if self._scales is not None:
            words *= self._scales[rows][:, None]
        weights = self._log_weights[rows]  # (M,)
        if self._directions:
            states = both_ways(self._directions, words * INPUT_SCALE, starts, lengths)  # (M, 2h)
            weights = weights + states @ self._gate
            words += states @ self._residual
        words *= np.exp(weights)[:, None]
        totals = np.add.reduceat(words, starts, axis=0)  # (N, D)
        totals /= np.maximum(np.linalg.norm(totals, axis=1, keepdims=True), 1e-12)
        return totals


def batches(texts: Sequence[Sized]) -> Iterator[list[int]]:
    """The numbers of all texts, longest first, in groups of at most BATCH_ROWS rows.

    What is active at a step of the LSTM is then always the first so many of a group.
    """
    group: list[int] = []
    rows = 0
    for i in sorted(range(len(texts)), key=lambda i: -len(texts[i])):
        if group and rows + len(texts[i]) > BATCH_ROWS:
            yield group
            group, rows = [], 0
        group.append(i)
        rows += len(texts[i])
    if group:
        yield group


class Direction:
    """One direction of a one-layer LSTM, with torch's gates: input, forget, cell, output.

    decoded  name → array in float32, named as torch names it
    suffix   "_reverse" for the backward direction
    """

    def __init__(self, decoded: Callable[[str], Matrix], suffix: str = "") -> None:
        self._inputs = np.ascontiguousarray(decoded(f"lstm.weight_ih_l0{suffix}").T)
        self._hiddens = np.ascontiguousarray(decoded(f"lstm.weight_hh_l0{suffix}").T)
        self._bias = decoded(f"lstm.bias_ih_l0{suffix}") + decoded(f"lstm.bias_hh_l0{suffix}")
        self.hidden = len(self._hiddens)

    def run(
        self,
        inputs: Matrix,
        lengths: NDArray[np.int64],
        place: Callable[[int, int], NDArray[np.int64]],
        into: Matrix,
    ) -> None:
        """Write the states of all places.

        inputs   (M, D) of texts after each other
        lengths  (N,) of the texts, falling
        place    step, active texts → where those texts are at that step
        into     (M, h)
        """
        h = self.hidden
        gates = inputs @ self._inputs + self._bias  # (M, 4h)
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: one tanh for all four gates, which cannot overflow.
        half = np.full(4 * h, 0.5, np.float32)
        half[2 * h : 3 * h] = 1.0
        state = np.zeros((len(lengths), h), np.float32)
        cell = np.zeros((len(lengths), h), np.float32)
        active = np.searchsorted(-lengths, -np.arange(lengths[0]), "left")
        for t in range(int(lengths[0])):
            n = int(active[t])
            at = place(t, n)
            step = np.tanh((gates[at] + state[:n] @ self._hiddens) * half)  # (n, 4h)
            i, f, o = (0.5 * (step[:, k * h : (k + 1) * h] + 1) for k in (0, 1, 3))
            cell[:n] = f * cell[:n] + i * step[:, 2 * h : 3 * h]
            state[:n] = o * np.tanh(cell[:n])
            into[at] = state[:n]


def both_ways(
    directions: tuple[Direction, Direction],
    inputs: Matrix,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> Matrix:
    """The states of a bidirectional LSTM at all places of N texts.

    directions  forward and backward
    inputs      (M, D) of texts after each other
    starts      (N,) where each begins
    lengths     (N,) falling
    returns     (M, 2h)
    """
    forward, backward = directions
    hidden = forward.hidden
    states = np.empty((len(inputs), 2 * hidden), np.float32)
    forward.run(inputs, lengths, lambda t, n: starts[:n] + t, states[:, :hidden])
    last = starts + lengths - 1
    backward.run(inputs, lengths, lambda t, n: last[:n] - t, states[:, hidden:])
    return states
