"""Words of a query that no passage has, and the nearest spellings among those that passages have.

Every spelling that is one edit away (a letter too many, too few, another, two changed places) is
stemmed, and its stem looked up in the index of words: some 600 look-ups for a word of ten letters,
whatever the collection holds. Where none is there, stems that begin with the same letter are
compared, and one that is two edits from a long word is taken. A word that the language is known to
have is no misspelling, though the collection does not have it: its meaning is searched for.
Sources: Damerau 1964, "A technique for computer detection and correction of spelling errors"
(four of five are one such edit); Norvig 2007, "How to write a spelling corrector".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from retrieve.indexes.catalog.passages import Passages
from retrieve.text.readable import typed
from retrieve.text.stemming import Stem, spelt_stems, stemmed_words, stems_of_word
from retrieve.text.stopwords import STOP_WORDS

LEAST_LETTERS = 5  # of shorter words too many others are one edit away
LONG = 8  # letters from which on two edits leave a word recognisable
MOST_ALTERNATIVES = 3
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "αβγδεζηθικλμνξοπρσςτυφχψω",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяєіїґ",
)

Known = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Corrected:
    """A query whose misspelt words were replaced.

    words  to be searched for: up to MOST_ALTERNATIVES for each
    shown  the query with the best of them, for people
    """

    words: str
    shown: str


def corrected(
    query: str, passages: Passages, language: str, *, known: Known, fixed: str = ""
) -> Corrected | None:
    """A query with its unknown words as the collection spells them; None if it has no such word.

    known  whether the language is known to have a stem
    fixed  text whose words are meant as they are: phrases, names
    """
    found = stemmed_words(query, language)
    held = passages.frequencies(one.stem for one in found)
    meant = {stem for _, stem in spelt_stems(fixed, language)}
    words, shown, at = "", "", 0
    for one in _words(query, found):
        same = [other.stem for other in found if _overlap(one, other)]
        if any(stem in held or stem in meant or known(stem) for stem in same):
            continue
        word = query[one.start : one.end]
        nearest = _nearest(typed(unicodedata.normalize("NFC", word).lower()), passages, language)
        if nearest:
            words += query[at : one.start] + " ".join(nearest)
            shown += query[at : one.start] + nearest[0]
            at = one.end
    return Corrected(words + query[at:], shown + query[at:]) if words else None


def _words(query: str, found: list[Stem]) -> Iterator[Stem]:
    """The words long enough to be told from others, each once, in order."""
    places = {(one.start, one.end): one for one in found}
    for (start, end), one in sorted(places.items()):
        if end - start >= LEAST_LETTERS and query[start:end].isalpha():
            yield one


def _overlap(one: Stem, other: Stem) -> bool:
    return one.start < other.end and other.start < one.end


def _nearest(word: str, passages: Passages, language: str) -> list[str]:
    """Words of the collection that a word may have been meant to be, the commonest first."""
    alphabet = next((one for one in ALPHABETS if word[0] in one), None)
    if alphabet is None:
        return []
    stop = STOP_WORDS.get(language, frozenset())
    spellings: dict[str, list[str]] = {}
    for other in edits(word, alphabet):
        if other not in stop:
            for stem in stems_of_word(other, language):
                spellings.setdefault(stem, []).append(other)
    held = passages.frequencies(spellings)
    if not held and len(word) >= LONG:
        held = _two_edits(word, passages, language)
    best = sorted(held, key=lambda stem: (-held[stem], stem))[:MOST_ALTERNATIVES]
    shown = (_as_it_stands(stem, word, passages, language) for stem in best)
    return list(dict.fromkeys(one for one in shown if one))


def edits(word: str, alphabet: str) -> set[str]:
    """Every spelling that one edit makes of a word."""
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = {a + b[1:] for a, b in halves if b}
    found |= {a + b[1] + b[0] + b[2:] for a, b in halves if len(b) > 1}
    found |= {a + letter + b[1:] for a, b in halves if b for letter in alphabet}
    found |= {a + letter + b for a, b in halves for letter in alphabet}
    return found - {word}


def _two_edits(word: str, passages: Passages, language: str) -> dict[str, int]:
    """Stems of the collection that are two edits from a word's, and how many passages hold each."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    stem = stems_of_word(word, language)[0]
    begins = passages.stems_from(word[0], chr(ord(word[0]) + 1))
    near = process.extract(stem, begins, scorer=OSA.distance, score_cutoff=2, limit=None)
    least = min((distance for _, distance, _ in near), default=0)
    return passages.frequencies(one for one, distance, _ in near if distance == least)


def _as_it_stands(stem: str, word: str, passages: Passages, language: str) -> str | None:
    """How a passage spells a stem, nearest to a word; None if its holder is damaged or gone."""
    from rapidfuzz.distance import OSA

    said = passages.saying(stem)
    spelt = {
        spelling for text in said for spelling, one in spelt_stems(text, language) if one == stem
    }
    return min(spelt, key=lambda one: (OSA.distance(typed(one.lower()), word), one), default=None)
