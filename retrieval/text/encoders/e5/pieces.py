"""Text → ids of pieces: the most likely way of putting its words together.

Each character gets the form that the pieces are written in (NFKC, mostly), ▁ stands for a space.
No piece reaches from one word into another, so that a word is cut once and remembered. Pieces are
found by halving a sorted list of them, which costs nothing to open; whoever reads more than a few
words gets a dictionary, which costs .1 CPU s.
Sources: Kudo 2018, "Subword regularization" (the unigram model); Conneau et al. 2020, "Unsupervised
cross-lingual representation learning at scale" (XLM-R, whose pieces these are).
"""

from __future__ import annotations

import itertools
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieve.text.encoders.e5.packed import Packed

SPACE = "▁"
FEW = 400  # words that are looked up without a dictionary
KEPT = 200_000  # words that are remembered, some 40 MB
BEYOND = 10.0  # by so much a character without a piece is less likely than the rarest piece

Find = Callable[[bytes], int]  # a piece → its id, -1 if there is none


class Pieces:
    """The pieces of a file; any thread may use it.

    order  (P,) ids of the pieces, sorted by their bytes
    """

    def __init__(self, packed: Packed, order: NDArray[np.int32] | None = None) -> None:
        self._ends = packed.ends
        self._forms = packed.forms
        self._scores = packed.scores.tolist()
        self._offsets = packed.offsets.tolist()
        self._text = packed.text
        self._order = (sorted_pieces(packed) if order is None else order).tolist()
        self._unlikely = min(self._scores) - BEYOND
        self._longest = int(np.diff(packed.offsets.astype(np.int64)).max())
        self._words: dict[str, tuple[int, ...]] = {}
        self._ids: dict[bytes, int] | None = None
        self._misses = 0

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without those of its ends; a text of spaces has none."""
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in self.normal(text).split():
            if (found := self._words.get(word)) is None:
                found = self._cut(word)
                if len(self._words) >= KEPT:
                    self._words = {}
                self._words[word] = found
            ids += found
        return ids

    def normal(self, text: str) -> str:
        """The text in the form in which its pieces are looked for.

        Accents that stand behind their letters are put on them first: the file knows characters
        one by one.
        """
        return unicodedata.normalize("NFC", text).translate(self._forms)

    def _cut(self, word: str) -> tuple[int, ...]:
        """The most likely pieces of a word (Viterbi)."""
        letters = [letter.encode("utf-8", "replace") for letter in SPACE + word]
        find = self._finder()
        best = [0.0] + [-np.inf] * len(letters)
        came: list[tuple[int, int]] = [(0, 0)] * (len(letters) + 1)  # from where, by which piece
        for i in range(len(letters)):
            unknown = best[i] + self._unlikely
            if unknown > best[i + 1]:
                best[i + 1], came[i + 1] = unknown, (i, self._ends.unknown)
            piece = b""
            for j in range(i, len(letters)):
                piece += letters[j]
                if len(piece) > self._longest:
                    break
                if (id := find(piece)) >= 0:
                    likely = best[i] + self._scores[id]
                    if likely > best[j + 1]:
                        best[j + 1], came[j + 1] = likely, (i, id)
        ids = []
        at = len(letters)
        while at:
            at, id = came[at]
            ids.append(id)
        return tuple(reversed(ids))

    def _finder(self) -> Find:
        if self._ids is None:
            self._misses += 1
            if self._misses <= FEW:
                return self._halved
            found = {self._piece(id): id for id in range(len(self._scores))}
            ends = self._ends
            for id in (ends.start, ends.end, ends.unknown):
                found.pop(self._piece(id), None)
            self._ids = found
        ids = self._ids
        return lambda piece: ids.get(piece, -1)

    def _halved(self, piece: bytes) -> int:
        place = bisect_left(self._order, piece, key=self._piece)
        if place == len(self._order) or self._piece(id := self._order[place]) != piece:
            return -1
        ends = self._ends
        return -1 if id in (ends.start, ends.end, ends.unknown) else int(id)

    def _piece(self, id: int) -> bytes:
        return self._text[self._offsets[id] : self._offsets[id + 1]]


def sorted_pieces(packed: Packed) -> NDArray[np.int32]:
    """(P,) the ids of the pieces in the order of their bytes."""
    offsets = packed.offsets.tolist()
    pieces = [packed.text[a:b] for a, b in itertools.pairwise(offsets)]
    return np.array(sorted(range(len(pieces)), key=pieces.__getitem__), np.int32)
