"""Analogies by the shipped word vectors without their curated facts, section by section.

    python -m benchmarks.uncurated KNOWLEDGE ANALOGIES

KNOWLEDGE is the folder of which the tables of facts come; their pull is taken out of the vectors
again (retrieval/training/words/facts.py). ANALOGIES is a file as of `retrieve evaluate words`,
which measures the vectors as they ship.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.evaluation.words import analogies
from retrieve.indexes.words.stores import shipped
from retrieve.text.words.vectors import WordVectors, open_vectors
from retrieve.training.words import facts
from retrieve.types import Embeddings


class Undone:
    """Word vectors without facts, and their exact nearest neighbours."""

    def __init__(self, shipping: WordVectors, knowledge: Path) -> None:
        words = list(shipping.words)
        every = shipping.vectors(range(len(words)))
        self.row = shipping.row
        self._every = facts.undone(every, words, facts.read(knowledge)).astype(np.float32)

    def vectors(self, rows: Sequence[int] | NDArray[np.int64]) -> Embeddings:
        return self._every[np.asarray(rows, np.int64)]

    def nearest(self, probes: Embeddings, k: int) -> tuple[Embeddings, NDArray[np.int64]]:
        """Scores and rows (Q, k), best first."""
        scores = probes @ self._every.T
        rows = np.argpartition(-scores, k, axis=1)[:, :k]
        best = np.take_along_axis(scores, rows, axis=1)
        order = np.argsort(-best, axis=1, kind="stable")
        return np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1)


def main() -> None:
    """Ask, print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("knowledge", type=Path)
    parser.add_argument("analogies", type=Path)
    given = parser.parse_args()
    undone = Undone(open_vectors(shipped()), given.knowledge)
    lines = given.analogies.read_text("utf-8").splitlines()
    sections, total = analogies(lines, undone, undone.nearest)
    for one in [*sections, total]:
        share = "-" if one.first is None else f"{one.first.value:.3f}"
        print(f"{one.name:20s} {one.covered:5d} of {one.asked:5d} covered, right {share}")


if __name__ == "__main__":
    main()
