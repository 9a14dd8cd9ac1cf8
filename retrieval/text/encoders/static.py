"""The text encoder `static`: the weighted sum of word vectors that three teachers gave.

A word counts by the root of how often it stands in the text: what a passage is about it says often,
but a question asks once (R@1 of the fitting questions .562, by the count itself .528).
A vector has D numbers of six steps each, three of them a byte: 6³ = 216. Words are known without
their accents, which a query may lack. A word that is not known, or a number, is a random direction
that its spelling decides, and for a long word another one, of how it begins: the same name in a
query and in a passage meets itself, and nothing of it is stored.
Source: Tissier et al. 2019, "Near-lossless binarization of word embeddings" (few bits are enough);
Svenstrup et al. 2017, "Hash embeddings for efficient word representations".

The file is safetensors. Its arrays (R words, D dimensions):

    text     (B,)       uint8    the words in UTF-8, each followed by a line feed
    codes    (R, D / 3) uint8    three numbers of 0 to 5: 36 times the first, 6 times the second, …
    scales   (R,)       float16  of each word: what it weighs, over the length of its row
    columns  (D,)       float32  by what each column is multiplied
    unknown  (1,)       float32  what a word that is not known weighs

The header's metadata has one entry, `retrieve`: JSON as of `retrieval/text/encoders/file.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput, WeightsError
from retrieve.text.tokens import normal, plain, unaccented
from retrieve.types import Embeddings

KIND = "static-text-encoder"
STEPS, IN_BYTE = 6, 3
TOKEN = re.compile(r"[^\W\d_]+|\d+")
BEGINNING = 5  # letters of a longer unknown word, what its inflections share
WHOLE = np.float32(2**0.5)  # what the whole of an unknown word weighs beside its beginning
KEPT = 1 << 18  # spellings remembered with their rows
DIRECTIONS_KEPT = 1 << 12  # 8 MB

Matrix = NDArray[np.float32]
# (256, 3) what the three numbers of a byte stand for, the middle of the steps being 0
VALUES: Matrix = (
    np.stack([np.arange(256) // 36 % STEPS, np.arange(256) // 6 % STEPS, np.arange(256) % STEPS], 1)
    - np.float32((STEPS - 1) / 2)
).astype(np.float32)


class Words:
    """The known words, whose rows are found by any spelling.

    words  without accents
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.every = words
        self._rows = {word: row for row, word in enumerate(words)}
        for word in [word for word in words if not word.isascii()]:
            self._rows.setdefault(plain(word), self._rows[word])  # espana

    def found(self, text: str) -> tuple[list[int], list[str]]:
        """The rows of a text's known words in order, and its other words without accents."""
        rows = self._rows
        known, unknown = [], []
        for token in TOKEN.findall(normal(text)):
            row = rows.get(token)
            if row is None and not token.isascii():
                row = rows.get(unaccented(token), rows.get(plain(token)))
                if row is not None and len(rows) < KEPT:
                    rows[token] = row
            if row is None:
                unknown.append(plain(token))
            else:
                known.append(row)
        return known, unknown


class StaticEncoder:
    """A `TextEncoder` from the arrays of its file.

    arrays  as above, checked
    about   the metadata
    sha256  what identifies the encoder
    """

    def __init__(
        self, name: str, arrays: Mapping[str, NDArray[Any]], about: dict[str, Any], sha256: str
    ) -> None:
        self.name = name
        self.about = about
        self.weights_sha256 = sha256
        try:
            self._text = arrays["text"]
            self._codes: NDArray[np.uint8] = arrays["codes"]
            self._scales = arrays["scales"].astype(np.float32)
            self._columns: Matrix = arrays["columns"]
            self._unknown = np.float32(arrays["unknown"][0])
        except KeyError as error:
            raise WeightsError(f"the text encoder {name!r} lacks the array {error}") from error
        self._directions: dict[str, Matrix] = {}

    @property
    def dim(self) -> int:
        return len(self._columns)

    @cached_property
    def words(self) -> Words:
        return Words(bytes(self._text).decode().splitlines())

    def vectors(self, rows: Sequence[int] | NDArray[np.int64]) -> Matrix:
        """(N, D) what words of such rows add to a text."""
        found = VALUES[self._codes[rows]].reshape(len(rows), self.dim)
        return np.asarray(found * self._scales[rows][:, None] * self._columns, np.float32)

    def covers(self, text: str) -> bool:
        return TOKEN.search(text) is not None

    def embed(self, texts: Sequence[str]) -> Embeddings:
        if isinstance(texts, str):
            raise BadInput(f"wanted a list of texts; got one text: embed([{texts[:40]!r}])")
        if empty := [str(i) for i, text in enumerate(texts) if not self.covers(text)]:
            raise BadInput(
                f"{self.name} embeds texts with a letter or a digit; of {len(texts)} texts these "
                f"have none (the first is 0): {', '.join(empty[:10])}. Leave them out"
            )
        totals = np.zeros((len(texts), self.dim), np.float32)
        for total, text in zip(totals, texts, strict=True):
            words, others = self.words.found(text)
            if words:
                counts = Counter(words)
                rows = np.array(list(counts))
                often = np.sqrt(np.array(list(counts.values()), np.float32))
                numbers = VALUES[self._codes[rows]].reshape(len(rows), self.dim)
                total += ((self._scales[rows] * often) @ numbers) * self._columns
            for word, times in Counter(others).items():
                total += np.float32(times**0.5) * self._direction(word)
        totals /= np.maximum(np.linalg.norm(totals, axis=1, keepdims=True), 1e-12)
        return totals

    def _direction(self, word: str) -> Matrix:
        """(D,) what an unknown word adds."""
        if word not in self._directions:
            found = WHOLE * self._random(word)
            if len(word) > BEGINNING and not word.isdigit():
                found += self._random(f"{word[:BEGINNING]}…")
            if len(self._directions) >= DIRECTIONS_KEPT:
                self._directions = {}
            self._directions[word] = found * self._unknown
        return self._directions[word]

    def _random(self, key: str) -> Matrix:
        """(D,) of length 1: signs that a hash of the key gives."""
        digest = hashlib.shake_128(key.encode("utf-8", "replace")).digest(-(-self.dim // 8))
        signs = np.unpackbits(np.frombuffer(digest, np.uint8))[: self.dim]
        return (signs.astype(np.float32) * 2 - 1) / np.float32(self.dim**0.5)


def packed(vectors: Matrix, step: float) -> tuple[NDArray[np.uint8], Matrix, Matrix]:
    """Rows in six steps: codes, (R,) the factor of each row, (D,) the factor of each column.

    vectors  (R, D), no row being 0; D is a multiple of 3
    step     in standard deviations of a column
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / lengths
    columns = (unit.std(axis=0) * step).astype(np.float32)
    numbers = np.clip(np.rint(unit / columns + (STEPS - 1) / 2), 0, STEPS - 1).astype(np.uint8)
    by_byte = numbers.reshape(len(vectors), -1, IN_BYTE)
    codes = (by_byte @ np.array([STEPS**2, STEPS, 1], np.uint8)).astype(np.uint8)
    again = VALUES[codes].reshape(vectors.shape) * columns
    # The factor with the least squared error: rounding makes rows a little longer or shorter.
    factors = lengths[:, 0] * (unit * again).sum(axis=1) / (again * again).sum(axis=1)
    return codes, factors.astype(np.float32), columns
