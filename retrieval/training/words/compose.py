"""Trained matrices → one set of unit vectors.

The context matrix knows which words stand together, the word matrix which replace each
other; their sum serves both. Two runs side by side, brought back to D dimensions by
principal components, average out what was chance in either.
Source: Levy et al. 2015, "Improving distributional similarity with lessons learned from
word embeddings" (adding context vectors).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

CONTEXT_WEIGHT = 0.5


def summed(inputs: Matrix, outputs: Matrix, weight: float = CONTEXT_WEIGHT) -> Matrix:
    """Word vectors plus weighted context vectors, centred, rows of length 1."""
    return unit(inputs + np.float32(weight) * outputs)


def unit(vectors: Matrix) -> Matrix:
    """Centred rows of length 1; a row of zeros stays one."""
    return normalized(vectors - vectors.mean(axis=0, keepdims=True))


def normalized(vectors: Matrix) -> Matrix:
    """Rows of length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def reduced(vectors: Matrix, dim: int) -> Matrix:
    """The rows on their first `dim` principal components, of length 1 again."""
    centred = vectors - vectors.mean(axis=0, keepdims=True)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :dim]
    # An axis has no sign of its own: fix it, so that the same input gives the same file.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return normalized(centred @ axes)
