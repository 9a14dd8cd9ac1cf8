"""Texts → counts of their character n-grams and words, hashed into a fixed number of columns.

What a text is written like, rather than what it means: for languages and authors. Nothing is
learnt and nothing is stored; the spelling of an n-gram decides its column.
Sources: Cavnar and Trenkle 1994, "N-gram-based text categorization"; Weinberger et al. 2009,
"Feature hashing for large scale multitask learning".
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.types import Embeddings

NGRAMS = "ngrams"
# An odd multiplier has an inverse modulo 2⁶⁴: the hash of any stretch comes from running sums.
BASE = 0x9E3779B97F4A7C15
INVERSE = pow(BASE, -1, 1 << 64)
MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of splitmix64
WORD_KIND, PAIR_KIND = 64, 65  # beside the lengths of n-grams, so that equal spellings differ
BLANK = ord(" ")
NOT_LETTERS = re.compile(r"[^\w'·-]|[\d_]")
BLANKS = re.compile(r"\s+")
AT_ONCE = 1 << 20  # characters, which bounds memory to about 150 MB

Ids = NDArray[np.int64]
Codes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Grams:
    """What is counted.

    longest  characters of an n-gram; all shorter ones count too
    words    1 for words as wholes, 2 for pairs of neighbours too, 0 for neither
    letters  drop digits, marks and case first: languages differ in none of them, authors do
    bits     of a column's number
    """

    longest: int = 5
    words: int = 2
    letters: bool = False
    bits: int = 18


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """N sparse rows of length 1, one after the other.

    values   (M,) float32, the root of how often the n-gram stands in the text, scaled
    columns  (M,) int64, rising in a row
    starts   (N + 1,) int64 where each row begins, and M
    """

    values: NDArray[np.float32]
    columns: Ids
    starts: Ids

    def __len__(self) -> int:
        return len(self.starts) - 1


class NgramEncoder:
    """A `TextEncoder` whose embeddings are sparse; `counts` gives them without the zeros."""

    name = NGRAMS

    def __init__(self, grams: Grams | None = None) -> None:
        self.grams = grams or Grams()
        if not (1 <= self.grams.longest < WORD_KIND and 0 <= self.grams.words <= 2):
            raise BadInput(f"wanted n-grams of 1 to 63 characters and words 0 to 2; got {grams}")

    @property
    def dim(self) -> int:
        return 1 << self.grams.bits

    @property
    def weights_sha256(self) -> str:
        return hashlib.sha256(repr(sorted(asdict(self.grams).items())).encode()).hexdigest()

    def covers(self, text: str) -> bool:
        return bool(self._normal(text).strip())

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """(N, D) unit rows; 2 ** bits numbers each, so for few texts only."""
        counts = self.counts(texts)
        embeddings = np.zeros((len(texts), self.dim), np.float32)
        rows = np.repeat(np.arange(len(texts)), np.diff(counts.starts))
        embeddings[rows, counts.columns] = counts.values
        return embeddings

    def counts(self, texts: Sequence[str]) -> Counts:
        """The same rows, sparse.

        raises  BadInput that names the texts which `covers` refuses
        """
        normal = [self._normal(text) for text in texts]
        if empty := [str(i) for i, text in enumerate(normal) if not text.strip()]:
            raise BadInput(
                f"{self.name} embeds texts with a letter; of {len(texts)} texts these have none "
                f"(the first is 0): {', '.join(empty[:10])}. Leave them out"
            )
        parts: list[Counts] = []
        some: list[str] = []
        for text in normal:
            some.append(text)
            if sum(map(len, some)) > AT_ONCE:
                parts.append(self._counts(some))
                some = []
        if some or not parts:
            parts.append(self._counts(some))
        lengths = np.concatenate([np.diff(part.starts) for part in parts])
        return Counts(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.columns for part in parts]),
            np.concatenate([[0], np.cumsum(lengths)]),
        )

    def _normal(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text).replace("’", "'")
        if self.grams.letters:
            text = NOT_LETTERS.sub(" ", text.lower())
        return f" {BLANKS.sub(' ', text).strip()} "

    def _counts(self, texts: Sequence[str]) -> Counts:
        """Each text begins and ends with a blank, so no word lies at a border of two texts."""
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), "<u4").astype(np.uint64)
        owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])  # (C,)
        found = [
            *self._characters(codes, owners),
            *(self._words(codes, owners, kind) for kind in range(1, self.grams.words + 1)),
        ]
        keys = np.concatenate([where << self.grams.bits | column for where, column in found])
        keys, times = np.unique(keys, return_counts=True)
        rows, columns = keys >> self.grams.bits, keys & (self.dim - 1)
        values = np.sqrt(times).astype(np.float32)
        starts = np.searchsorted(rows, np.arange(len(texts) + 1))
        norms = np.sqrt(np.bincount(rows, times, len(texts))).astype(np.float32)
        return Counts(values / norms[rows], columns, starts)

    def _characters(self, codes: Codes, owners: Ids) -> list[tuple[Ids, Ids]]:
        found = []
        hashes = codes
        for length in range(1, self.grams.longest + 1):
            if length > 1:
                hashes = hashes[:-1] * np.uint64(BASE) + codes[length - 1 :]
            first = owners[: len(hashes)]
            inside = first == owners[length - 1 :]
            found.append((first[inside], self._columns(hashes[inside], length)))
        return found

    def _words(self, codes: Codes, owners: Ids, how_many: int) -> tuple[Ids, Ids]:
        """Stretches of so many words, with the blank before each."""
        powers = _powers(BASE, len(codes))
        sums = np.concatenate(
            [np.zeros(1, np.uint64), np.cumsum(codes * _powers(INVERSE, len(codes)))]
        )
        blanks = np.flatnonzero(codes == BLANK)
        first, last = blanks[:-how_many], blanks[how_many:]
        inside = owners[first] == owners[last]
        first, last = first[inside], last[inside]
        hashes = (sums[last] - sums[first]) * powers[first]
        return owners[first], self._columns(hashes, WORD_KIND + how_many - 1)

    def _columns(self, hashes: Codes, kind: int) -> Ids:
        mixed = (hashes ^ np.uint64(kind)) * np.uint64(MIX[0])
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(MIX[1])
        return (mixed >> np.uint64(64 - self.grams.bits)).astype(np.int64)


def _powers(base: int, count: int) -> NDArray[Any]:
    """(count,) uint64 1, base, base² … modulo 2⁶⁴."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors)
