"""The network of `retrieval/models/text_classifier.py` in numpy, so that no torch is imported."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.text.classifiers.file import SCALES, Arrays, Floats, decoded
from retrieve.text.encoders.lstm import Direction, batches, both_ways
from retrieve.text.language.pieces import Pieces

LONGEST = 512  # pieces of a text that are read, about two pages; what follows is left out


class LstmNetwork:
    """A classifier's arrays, ready for texts."""

    def __init__(self, arrays: Arrays) -> None:
        self.pieces = Pieces(arrays["pieces"].tobytes())
        self._rows: NDArray[np.int32] = arrays["rows"]
        self._codes: NDArray[np.int8] = arrays["embeddings"]
        self._scales: Floats = arrays[f"embeddings{SCALES}"]
        named = partial(decoded, arrays)
        self._directions = Direction(named), Direction(named, "_reverse")
        self._out = np.ascontiguousarray(named("out.weight").T)
        self._bias = named("out.bias")
        if len(self._rows) != len(self.pieces):
            raise ValueError(f"{len(self._rows)} rows for {len(self.pieces)} pieces")

    def covers(self, text: str) -> bool:
        return bool(self.pieces.encode([text])[0])

    def logits(self, texts: Sequence[str]) -> Floats:
        """(N, K); raises BadInput that names the texts in which there is nothing."""
        rows = [self._rows[ids[:LONGEST]] for ids in self.pieces.encode(texts)]
        if empty := [str(i) for i, text in enumerate(rows) if not len(text)]:
            raise BadInput(
                f"wanted texts with a letter or a mark; of {len(texts)} these have none "
                f"(the first is 0): {', '.join(empty[:10])}. Leave them out"
            )
        logits = np.empty((len(texts), len(self._bias)), np.float32)
        for batch in batches(rows):
            logits[batch] = self._batch([rows[i] for i in batch])
        return logits

    def _batch(self, texts: Sequence[NDArray[np.int32]]) -> Floats:
        """(N, K) for N texts, the longest first."""
        lengths = np.array([len(text) for text in texts])
        starts = np.cumsum(lengths) - lengths
        rows = np.concatenate(texts)  # (M,)
        words = self._codes[rows].astype(np.float32) * self._scales[rows][:, None]  # (M, D)
        states = both_ways(self._directions, words, starts, lengths)  # (M, 2h)
        largest = np.maximum.reduceat(states, starts, axis=0)  # (N, 2h)
        mean = np.add.reduceat(states, starts, axis=0) / lengths[:, None]
        found = np.concatenate([largest, mean], axis=1) @ self._out + self._bias
        return np.asarray(found, np.float32)
