"""A query that was typed without accents, with those that its words have: energía for energia.

Stems and the index of words know no accents; an encoder and the forms of words do, and to them
`energia` is no word. A word is taken for the one that differs from it in an accent or in ñ alone,
where texts have that one more often: `ano` for a year is what is meant, where nothing else in the
query has a mark of either kind. Where something has, its writer types them, and only words that are
none without them are changed, and what asks at the beginning of a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieve.text.tokens import normal
from retrieve.text.words.vectors import ACCENTED, WordVectors

TYPED_PLAIN = re.compile(r"\b[A-Za-z]+\b")
MARKS = "áéíóúüñ"
ASKING = {
    "que": "qué", "quien": "quién", "quienes": "quiénes", "cual": "cuál", "cuales": "cuáles",
    "como": "cómo", "cuando": "cuándo", "donde": "dónde", "adonde": "adónde", "cuanto": "cuánto",
    "cuanta": "cuánta", "cuantos": "cuántos", "cuantas": "cuántas",
}  # fmt: skip
ASKED = re.compile(
    r"((?:^|¿)\s*(?:(?:a|con|contra|de|desde|en|hacia|hasta|para|por|sobre)\s+)?)"
    rf"({'|'.join(ASKING)})\b",
    re.IGNORECASE,
)
FEWEST_LETTERS = 3  # of two there is el and él, si and sí: both are as common
TIMES = 4  # as often as the word that was typed


def accented(text: str, vectors: WordVectors) -> str:
    """A text with the accents that its words have among those of some word vectors, and those of
    the words that a question begins with.
    """
    marked = any(letter in MARKS for letter in normal(text))

    def meant(match: re.Match[str]) -> str:
        return _as_typed(match[0], _likeliest(match[0].lower(), vectors, known_only=marked))

    found = TYPED_PLAIN.sub(meant, text)
    return ASKED.sub(_asking, found) if "?" in text or "¿" in text else found


def _asking(match: re.Match[str]) -> str:
    """What a question begins with, the word that asks with its accent: quién."""
    before, word = match.groups()
    return before + _as_typed(word, ASKING[word.lower()])


def _likeliest(word: str, vectors: WordVectors, *, known_only: bool) -> str:
    """The commonest word that differs in marks alone, or the word itself."""
    if len(word) < FEWEST_LETTERS:
        return word
    row = vectors.row(word)
    if row is not None and known_only:
        return word
    least = 0 if row is None else TIMES * int(vectors.counts[row])
    found = {one: at for one in _marked(word) if (at := vectors.row(one)) is not None}
    best = max(found, key=lambda one: int(vectors.counts[found[one]]), default=word)
    return best if best != word and int(vectors.counts[found[best]]) >= least else word


def _marked(word: str) -> Iterator[str]:
    """The word with one acute accent or diaeresis, one ñ, or both."""
    bases = [word]
    bases += [word[:at] + "ñ" + word[at + 1 :] for at, one in enumerate(word) if one == "n"]
    for n, base in enumerate(bases):
        if n:
            yield base
        for at, letter in enumerate(base):
            for mark in ACCENTED.get(letter, ""):
                yield base[:at] + mark + base[at + 1 :]


def _as_typed(typed: str, word: str) -> str:
    """A word in the capitals of another one of as many letters."""
    return "".join(
        one.upper() if was.isupper() else one for was, one in zip(typed, word, strict=True)
    )
