"""A vector for a word that came too late to be trained: the company that it keeps, mapped.

The mean of the vectors of the words around it is a poor vector of a word, but a linear map from
such means to vectors, fitted to words that have both, makes a good one of it.
Source: Khodak et al. 2018, "A la carte embedding: cheap but effective induction of semantic
feature vectors".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.text.tokens import words
from retrieve.training.words.compose import Matrix, normalized

WINDOW = 6  # words to each side, as in training
SAMPLE = 1e-3  # a context word counts by a / (a + its share): what stands everywhere says little
EVERY = 40  # one line of so many is looked at for the known words that the map is fitted to
RARE, COMMON = 20, 5000  # occurrences of the known words that it is fitted to
FEWEST = 8  # contexts of such a word
RIDGE = 10.0


@dataclass(slots=True, eq=False)
class Contexts:
    """Sums of context vectors, and of how many occurrences: row i for the i-th word."""

    sums: Matrix
    times: NDArray[np.int64]

    def means(self) -> Matrix:
        return np.asarray(self.sums / np.maximum(self.times, 1)[:, None], np.float32)


def gather(
    lines: Iterable[str],
    vectors: Matrix,
    row_of: Mapping[str, int],
    counts: NDArray[np.int64],
    wanted: Mapping[str, int],
    progress: Callable[[int], object] | None = None,
) -> tuple[Contexts, Contexts]:
    """The contexts of wanted words in all lines, of known ones in one line of EVERY.

    vectors  (N, D) of the known words, whose rows `row_of` has
    wanted   word → row of the result
    """
    weights = (SAMPLE / (SAMPLE + counts / counts.sum())).astype(np.float32)[:, None] * vectors
    found = _empty(len(wanted), vectors.shape[1])
    known = _empty(len(vectors), vectors.shape[1])
    fitting = (counts >= RARE) & (counts <= COMMON)
    for number, line in enumerate(lines):
        sampled = number % EVERY == 0
        tokens = words(line)
        if not sampled and wanted.keys().isdisjoint(tokens):
            continue
        rows = np.array([row_of.get(word, -1) for word in tokens], np.int64)
        for at, word in enumerate(tokens):
            if word in wanted:
                _add(found, wanted[word], rows, at, weights)
        if sampled:
            for place in np.flatnonzero((rows >= 0) & fitting[rows]).tolist():
                _add(known, int(rows[place]), rows, place, weights)
        if progress and sampled:
            progress(number)
    return found, known


def _empty(count: int, dim: int) -> Contexts:
    return Contexts(np.zeros((count, dim), np.float32), np.zeros(count, np.int64))


def _add(into: Contexts, row: int, rows: NDArray[np.int64], at: int, weights: Matrix) -> None:
    around = np.concatenate([rows[max(0, at - WINDOW) : at], rows[at + 1 : at + 1 + WINDOW]])
    around = around[around >= 0]
    if len(around):
        into.sums[row] += weights[around].mean(axis=0)
        into.times[row] += 1


def mapped(found: Contexts, known: Contexts, vectors: Matrix) -> Matrix:
    """(M, D) unit vectors of the wanted words; rows of zeros where a word was never met."""
    rows = np.flatnonzero(known.times >= FEWEST)
    means = normalized(known.means()[rows]).astype(np.float64)
    weights = np.log(known.times[rows])[:, None]
    inner = means.T @ (weights * means) + RIDGE * np.eye(means.shape[1])
    by = np.linalg.solve(inner, means.T @ (weights * vectors[rows]))
    return normalized((normalized(found.means()) @ by).astype(np.float32))
