"""Continuous bag of words with negative sampling, compiled by numba.

Sources: Mikolov et al. 2013, "Efficient estimation of word representations in vector space"
and "Distributed representations of words and phrases and their compositionality". As in
their program, each context word takes the whole gradient of the mean. Dividing it by the
number of words, as İrsoy et al. 2021 ("Corrected CBOW performs as well as skip-gram")
advise, measured worse here after five epochs: .40 of the analogies against .47.

One run uses one thread and so gives the same vectors from the same seed. Two runs with
two seeds use two cores, and their vectors together are better than either (`ensemble`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from retrieve.training.words.corpus import Corpus, Ids

Matrix = NDArray[np.float32]

LONGEST_LINE = 1000  # words; a longer line is cut, as in word2vec
NOISE_POWER = 0.75  # word2vec: noise words are drawn by count ** .75
CHUNK_IDS = 1 << 19  # between two looks at the clock: about a second


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run of training is made of; the defaults are what measured best."""

    dim: int = 200
    epochs: int = 8
    window: int = 6
    negatives: int = 10
    sample: float = 1e-4  # the share above which a word is left out by chance; matters most
    rate: float = 0.05
    last_rate: float = 1e-4
    seed: int = 1


@dataclass(slots=True, eq=False)
class State:
    """Where a run stands: all that a checkpoint holds.

    inputs, outputs  (N, D) float32, the word and the context matrix
    random           (1,) uint64, the generator's state
    position         ids read so far, over all epochs
    """

    inputs: Matrix
    outputs: Matrix
    random: NDArray[np.uint64]
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Draws a word by its share in constant time (Walker 1977's alias method)."""

    cut: NDArray[np.float32]
    alias: NDArray[np.int32]


def noise(counts: NDArray[np.int64]) -> Noise:
    """The tables to draw rows with probability proportional to count ** .75."""
    shares = counts.astype(np.float64) ** NOISE_POWER
    scaled = shares / shares.sum() * len(shares)
    alias = np.arange(len(shares), dtype=np.int32)
    small = [int(i) for i in np.flatnonzero(scaled < 1)]
    large = [int(i) for i in np.flatnonzero(scaled >= 1)]
    while small and large:
        low, high = small.pop(), large[-1]
        alias[low] = high
        scaled[high] -= 1 - scaled[low]
        if scaled[high] < 1:
            small.append(large.pop())
    for rest in small + large:
        scaled[rest] = 1
    return Noise(scaled.astype(np.float32), alias)


def start(words: int, settings: Settings) -> State:
    """A run that has seen nothing: small random word vectors, zero context vectors."""
    generator = np.random.default_rng(settings.seed)
    inputs = generator.random((words, settings.dim), np.float32)
    inputs = (inputs - np.float32(0.5)) / np.float32(settings.dim)
    outputs = np.zeros((words, settings.dim), np.float32)
    state = np.array([generator.integers(1, 1 << 62)], np.uint64)
    return State(inputs, outputs, state, 0)


def advance(corpus: Corpus, tables: Noise, settings: Settings, state: State) -> int:
    """Train on the next chunk of the corpus in place; returns the ids read, 0 at the end."""
    total = len(corpus.ids) * settings.epochs
    if state.position >= total:
        return 0
    offset = state.position % len(corpus.ids)
    stop = min(offset + CHUNK_IDS, len(corpus.ids))
    share = corpus.counts / corpus.counts.sum() / settings.sample
    kept = np.minimum((np.sqrt(share) + 1) / share, 1).astype(np.float32)
    decay = 1 - state.position / total
    _train(
        np.ascontiguousarray(corpus.ids[offset:stop]),
        state.inputs,
        state.outputs,
        kept,
        tables.cut,
        tables.alias,
        settings.window,
        settings.negatives,
        np.float32(max(settings.rate * decay, settings.last_rate)),
        state.random,
    )
    state.position += stop - offset
    return stop - offset


def _step(random: NDArray[np.uint64]) -> Any:
    """A 64-bit xorshift* step (Vigna 2016); the upper bits are the good ones."""
    x = random[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    random[0] = x
    return x * np.uint64(2685821657736338717)


_next = numba.njit(inline="always")(_step)


def _learn(  # compiled below
    ids: Ids,
    inputs: Matrix,
    outputs: Matrix,
    kept: NDArray[np.float32],
    cut: NDArray[np.float32],
    alias: NDArray[np.int32],
    window: int,
    negatives: int,
    rate: np.float32,
    random: NDArray[np.uint64],
) -> None:
    N, D = inputs.shape
    unit = np.float32(1.0 / 16777216.0)  # 24 random bits → [0, 1)
    one = np.float32(1.0)
    line = np.empty(LONGEST_LINE, np.int32)
    hidden = np.empty(D, np.float32)
    error = np.empty(D, np.float32)
    i = 0
    while i < len(ids):
        length = 0
        while i < len(ids) and length < LONGEST_LINE:
            word = ids[i]
            i += 1
            if word < 0:
                break
            if np.float32(_next(random) >> np.uint64(40)) * unit < kept[word]:
                line[length] = word
                length += 1
        for at in range(length):
            reach = 1 + np.int64((_next(random) >> np.uint64(33)) % np.uint64(window))
            first = max(np.int64(0), at - reach)
            last = min(np.int64(length), at + reach + 1)
            size = last - first - 1
            if size == 0:
                continue
            hidden[:] = 0
            error[:] = 0
            for c in range(first, last):
                if c != at:
                    row = inputs[line[c]]
                    for d in range(D):
                        hidden[d] += row[d]
            share = one / np.float32(size)
            for d in range(D):
                hidden[d] *= share
            for n in range(negatives + 1):
                if n == 0:
                    target = line[at]
                    label = one
                else:
                    bits = _next(random)
                    target = np.int32((bits >> np.uint64(32)) % np.uint64(N))
                    if np.float32(bits & np.uint64(0xFFFFFF)) * unit >= cut[target]:
                        target = alias[target]
                    if target == line[at]:
                        continue
                    label = np.float32(0.0)
                out = outputs[target]
                score = np.float32(0.0)
                for d in range(D):
                    score += hidden[d] * out[d]
                step = (label - one / (one + np.exp(-score))) * rate
                for d in range(D):
                    error[d] += step * out[d]
                    out[d] += step * hidden[d]
            for c in range(first, last):
                if c != at:
                    row = inputs[line[c]]
                    for d in range(D):
                        row[d] += error[d]


_train = numba.njit(nogil=True, fastmath=True, cache=True)(_learn)
