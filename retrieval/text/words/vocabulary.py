"""Text → the rows of an encoder's matrix: a row for each known word, hashed rows for the rest.

A word that is not in the vocabulary, or a number, stands as several rows of a small shared
table, picked by hashes of its spelling: two for the whole of it and, for a long word, one for
how it begins. Two unknown words then share all of their rows practically never, and the same
name in a query and in a passage meets itself.
Source: Svenstrup et al. 2017, "Hash embeddings for efficient word representations".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import chain

from retrieve.text.tokens import normal, plain

TOKEN = re.compile(r"[^\W\d_]+|\d+")
MARKED = re.compile(r"[^\W\d_]+|\d+|[.!?…]+(?=\s|$|[\"»”)—-])")
STEM_LETTERS = 5  # of a longer unknown word, what its inflections share
BUCKETS = 8192
MOST_KEPT = 1 << 20  # spellings remembered with their rows


class Vocabulary:
    """N words, then `buckets` shared rows for what is not among them.

    words  in normal form, the word of each row
    """

    def __init__(self, words: Sequence[str], buckets: int = BUCKETS) -> None:
        self.words = words
        self.buckets = buckets
        self._rows = _Rows({word: (row,) for row, word in enumerate(words)}, len(words), buckets)

    def __len__(self) -> int:
        return len(self.words) + self.buckets

    def rows(self, text: str) -> list[int]:
        """The rows of a text's words and numbers, in order; [] if it has none."""
        tokens = TOKEN.findall(normal(text))
        return list(chain.from_iterable(map(self._rows.__getitem__, tokens)))

    def sentences(self, text: str) -> Iterator[list[int]]:
        """The rows of each sentence that has a word, split at . ! ? and …"""
        sentence: list[int] = []
        for token in MARKED.findall(normal(text)):
            if token[0] in ".!?…":
                if sentence:
                    yield sentence
                    sentence = []
            else:
                sentence.extend(self._rows[token])
        if sentence:
            yield sentence


class _Rows(dict[str, tuple[int, ...]]):
    """Spelling → rows; an unknown spelling is hashed when it is first asked for."""

    def __init__(self, known: dict[str, tuple[int, ...]], first: int, buckets: int) -> None:
        super().__init__(known)
        self._first, self._buckets = first, buckets

    def __missing__(self, token: str) -> tuple[int, ...]:
        spelling = plain(token)
        keys = [spelling, f"{spelling} "]
        if len(spelling) > STEM_LETTERS and not spelling.isdigit():
            keys.append(f"{spelling[:STEM_LETTERS]}…")
        rows = tuple(self._first + _hash(key) % self._buckets for key in keys)
        if len(self) < MOST_KEPT:
            self[token] = rows
        return rows


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")
