"""Signed sums of words: what is asked, and how each word of the vocabulary scores for it.

Sources: Mikolov et al. 2013, "Linguistic regularities in continuous space word
representations" (3CosAdd); Levy and Goldberg 2014, "Linguistic regularities in sparse and
explicit word representations" (3CosMul).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.types import Embeddings

Method = Literal["add", "mul"]
SIGNS = {"+": 1, "-": -1, "−": -1, "–": -1}
EPSILON = 1e-3  # keeps 3CosMul's quotient finite, as in the paper


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a signed sum; sign is 1 or -1."""

    sign: int
    word: str


def parse(arguments: Sequence[str]) -> list[Term]:
    """`rey hombre mujer` (rey − hombre + mujer), or any sum with signs.

    raises  BadInput unless it is three words, or a sum with a sign between any two words
    """
    parts = re.findall(r"[+\-−–]|[^\s+\-−–]+", " ".join(arguments))
    if not any(part in SIGNS for part in parts):
        if len(parts) != 3:
            raise BadInput(
                f"wanted three words (rey hombre mujer) or a signed sum (rey - hombre + mujer); "
                f"got {len(parts)} words without a sign"
            )
        return [Term(1, parts[0]), Term(-1, parts[1]), Term(1, parts[2])]
    terms: list[Term] = []
    sign: int | None = 1
    for part in parts:
        if part in SIGNS:
            if sign is not None and terms:
                raise BadInput(f"two signs in a row in {' '.join(parts)!r}; put a word between")
            sign = SIGNS[part]
        elif sign is None:
            raise BadInput(f"no sign before {part!r} in {' '.join(parts)!r}; put + or - there")
        else:
            terms.append(Term(sign, part))
            sign = None
    if sign is not None or not any(term.sign > 0 for term in terms):
        raise BadInput(
            f"wanted a sum that ends with a word and adds at least one; got {' '.join(parts)!r}"
        )
    return terms


def expression(terms: Sequence[Term]) -> str:
    """The sum as people write it: `rey - hombre + mujer`."""
    text = " ".join(f"{'+' if term.sign > 0 else '-'} {term.word}" for term in terms)
    return text.removeprefix("+ ")


def target(vectors: Embeddings, signs: Sequence[int]) -> Embeddings:
    """(1, D) the signed sum as a unit vector, what 3CosAdd looks near to."""
    total = np.asarray(signs, np.float32) @ vectors
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        raise BadInput("the words cancel each other out; nothing is left to look near to")
    return np.asarray(total / length, np.float32)[None]


def multiplied(scores: NDArray[np.float32], signs: Sequence[int]) -> NDArray[np.float32]:
    """3CosMul for N words: products of (cosine + 1) / 2, added terms over subtracted ones.

    scores  (terms, N) cosine of each term with each word
    """
    shifted = (scores + 1) / 2
    positive = np.asarray(signs) > 0
    above = shifted[positive].prod(axis=0)
    return np.asarray(above / (shifted[~positive].prod(axis=0) + EPSILON), np.float32)


def odd_one_out(vectors: Embeddings) -> NDArray[np.float32]:
    """(N,) how near each of N ≥ 3 unit vectors is to the mean of the others; the lowest is odd."""
    others = vectors.sum(axis=0, keepdims=True) - vectors
    others /= np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-12)
    return np.asarray((others * vectors).sum(axis=1), np.float32)
