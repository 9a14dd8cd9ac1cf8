"""Character n-grams of a word, numbered as fastText numbers them.

Source: Bojanowski et al. 2017, "Enriching word vectors with subword information".
"""

from __future__ import annotations

from typing import NamedTuple


class Subword(NamedTuple):
    """Lengths of the n-grams in characters, and the number of buckets they are hashed into."""

    shortest: int
    longest: int
    buckets: int


def buckets(word: str, subword: Subword) -> list[int]:
    """The bucket of every n-gram of `<word>`; a single character at either end is none."""
    marked = f"<{word}>"
    found = []
    for start in range(len(marked)):
        for length in range(subword.shortest, subword.longest + 1):
            gram = marked[start : start + length]
            at_the_edge = start == 0 or start + length == len(marked)
            if len(gram) == length and not (length == 1 and at_the_edge):
                found.append(fnv1a(gram.encode()) % subword.buckets)
    return found


def fnv1a(data: bytes) -> int:
    """FNV-1a in 32 bits over signed bytes: fastText sign-extends, and files depend on it."""
    state = 2166136261
    for byte in data:
        state ^= byte if byte < 128 else byte | 0xFFFFFF00
        state = state * 16777619 & 0xFFFFFFFF
    return state
