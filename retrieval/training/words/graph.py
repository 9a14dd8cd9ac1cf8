"""Vectors of the graph alone, beside those of the text.

Random walks train vectors of their own; words outside the graph get theirs by ridge
regression from the text's vectors; both are joined and reduced.
Source: Goikoetxea et al. 2016, "Single or multiple? Combining word representations
independently learned from text and WordNet".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.training.words.compose import Matrix, reduced, unit

WEIGHT = 0.35
RIDGE = 1.0


def joined(
    vectors: Matrix, graph: Matrix, rows: NDArray[np.int64], weight: float = WEIGHT
) -> Matrix:
    """(N, D) text vectors with the graph's knowledge in them.

    vectors  (N, D) float32 unit rows, of the text
    graph    (M, G) float32, of the walks
    rows     (M,) which word of the text each graph vector belongs to
    """
    known = unit(graph)
    source = vectors[rows].astype(np.float64)
    inner = source.T @ source + RIDGE * np.eye(source.shape[1])
    filled = unit((vectors @ np.linalg.solve(inner, source.T @ known)).astype(np.float32))
    filled[rows] = known
    both = np.concatenate([vectors, np.float32(weight) * filled], axis=1)
    return reduced(both, vectors.shape[1])
