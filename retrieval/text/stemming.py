"""Words of a text as the index of words keeps them: stems without diacritics.

A text is brought into plain letters (readable.py) and cut into words, numbers and codes
(cutting.py, numbers.py). A word is put into lower case, left out if it is a stop word, stemmed by
Snowball and folded: diacritics go and ñ becomes n, for people type `Espana` without them. What
Snowball gets wrong of Spanish stands in a table (irregular.py). Spanish words lose their acute
accents before both, so that a query without them loses nothing.
Source: Porter 2001, "Snowball: a language for stemming algorithms".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

from retrieve.text import cutting, irregular
from retrieve.text.cutting import LETTER, WORD, Cut, across, cuts
from retrieve.text.readable import based, readable
from retrieve.text.stopwords import STOP_WORDS
from retrieve.text.tokens import normal, plain, unaccented

VERSION = 3  # of what a collection's index of words holds: to be raised with every change of it
MOST_KEPT = 1_000_000  # chunks remembered for one language, about 200 MB

# Snowball's languages by their code of ISO 639-1; any other is folded without stemming.
LANGUAGES = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "st": "sesotho",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}


class Stem(NamedTuple):
    """One word of a text: its stem, and where it stands, text[start:end]."""

    stem: str
    start: int
    end: int


class _Known(NamedTuple):
    """A stem, where in its chunk it stands, and whether it is a letter within a longer word."""

    stem: str
    start: int
    end: int
    letter: bool


def stems(text: str, language: str = "es") -> list[str]:
    """The stems of a text's words and its numbers and codes, in order; [] if it has none.

    language  code of ISO 639-1; of one that Snowball does not know, words are folded only
    """
    known = _stemmer(language)
    text, _ = readable(text)
    found = [one.stem for chunk in cutting.chunks(text) for one in known[chunk]]
    return [*found, *(one.stem for one in _across(text, known))]


def asked_stems(query: str, language: str = "es") -> list[str]:
    """The same of a query: a letter within a longer word of Chinese is not asked for by itself."""
    return [stem for _, stem in spelt_stems(query, language, asked=True)]


def stems_of_word(word: str, language: str = "es") -> tuple[str, ...]:
    """The stems of one word in lower case; nothing is remembered of it."""
    return _stemmer(language).of_word(word)


def stems_of_words(words: Sequence[str], language: str = "es") -> list[tuple[str, ...]]:
    """The same of many words, a third of the time for each."""
    return _stemmer(language).of_words(words)


def asked_across(
    query: str, languages: Sequence[str], *, everywhere: bool = False
) -> dict[str, tuple[str, ...]]:
    """The stems of a query's words, each with what the same word has for stems in other languages.

    languages   the query's own first
    everywhere  leave out words that are stop words in one of the others, too
    returns     the stems of asked_stems(), in order → those of the others that differ from it
    """
    own, *others = languages
    if not others:
        return dict.fromkeys(asked_stems(query, own), ())
    text, _ = readable(query)
    placed = [_places(text, language) for language in others]
    found: dict[str, dict[str, None]] = {}
    for place, stems_here in _places(text, own).items():
        elsewhere = [one.get(place, ()) for one in placed]
        if everywhere and not all(elsewhere):
            continue
        for n, stem in enumerate(stems_here):
            also = found.setdefault(stem, {})
            if n == 0:  # vino is vin and ven: another language's stands for one of them
                also.update(dict.fromkeys(one for some in elsewhere for one in some))
    return {stem: tuple(one for one in also if one not in found) for stem, also in found.items()}


def _places(text: str, language: str) -> dict[tuple[int, int], tuple[str, ...]]:
    """Where in a readable query its words stand, in the order of asked_stems(), and their stems."""
    known = _stemmer(language)
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    for match in cutting.placed_chunks(text):
        for one in known[match[0]]:
            if not one.letter:
                place = (match.start() + one.start, match.start() + one.end)
                found[place] = (*found.get(place, ()), one.stem)
    for stem in _across(text, known):
        place = (stem.start, stem.end)
        found[place] = (*found.get(place, ()), stem.stem)
    return found


def spelt_stems(text: str, language: str = "es", *, asked: bool = False) -> list[tuple[str, str]]:
    """As `stems`, each with the word that it came from, in plain letters (m2 of m²).

    asked  as in asked_stems()
    """
    known = _stemmer(language)
    text, _ = readable(text)
    found = [
        (chunk[one.start : one.end], one.stem)
        for chunk in cutting.chunks(text)
        for one in known[chunk]
        if not (asked and one.letter)
    ]
    return [*found, *((text[one.start : one.end], one.stem) for one in _across(text, known))]


def stemmed_words(text: str, language: str = "es") -> list[Stem]:
    """As `stems`, with the place of each in the text; places may overlap."""
    known = _stemmer(language)
    plain_text, places = readable(text)
    within = (
        Stem(one.stem, match.start() + one.start, match.start() + one.end)
        for match in cutting.placed_chunks(plain_text)
        for one in known[match[0]]
    )
    found = [*within, *_across(plain_text, known)]
    if places is None:
        return found
    return [Stem(one.stem, places[one.start], places[one.end - 1] + 1) for one in found]


def _across(text: str, known: _Stemmer) -> list[Stem]:
    """Stems of what a readable text says across blanks."""
    found = (Stem(stem, cut.start, cut.end) for cut in across(text) for stem in known.of(cut))
    return list(dict.fromkeys(found))


class _Stemmer(dict[str, tuple[_Known, ...]]):
    """Chunk → its stems, stop words left out; a new one is cut when first asked for."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        self._stop = STOP_WORDS.get(language, frozenset())
        self._lock = Lock()  # Snowball's stemmers keep the word that they work on
        self._snowball = None
        if language in LANGUAGES:
            import Stemmer

            # It would remember words itself, which takes four times as long as to stem one.
            self._snowball = Stemmer.Stemmer(LANGUAGES[language], 0)

    def __missing__(self, chunk: str) -> tuple[_Known, ...]:
        found = tuple(
            _Known(stem, cut.start, cut.end, cut.kind == LETTER)
            for cut in cuts(chunk)
            for stem in self.of(cut)
        )
        if len(self) < MOST_KEPT:
            self[chunk] = found
        return found

    def of(self, cut: Cut) -> tuple[str, ...]:
        """The stems of a word, none of a stop word; anything else as it is.

        Two where it is of two words: vino is of venir, too.
        """
        if cut.kind != WORD:
            return (cut.text,)
        word = normal(cut.text)
        return () if word in self._stop else self.of_word(word)

    def of_word(self, word: str) -> tuple[str, ...]:
        """The stems of a word in its normal form."""
        return self.of_words([word])[0]

    def of_words(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The stems of words in their normal form."""
        bases, of_table = words, dict[str, tuple[str, ...]]()
        if not (bare := "".join(words).isascii()):
            bases = [based(word, self._language) for word in words]
        if self._language == "es":
            if not bare:
                bases = [unaccented(base) for base in bases]
            of_table = irregular.stems_of_words(bases)
        stemmed = bases
        if self._snowball is not None:
            with self._lock:
                stemmed = self._snowball.stemWords(bases)
        if not bare:
            stemmed = [plain(based(one)) for one in stemmed]
        if not of_table:
            return [(one,) for one in stemmed]
        return [of_table.get(base) or (one,) for base, one in zip(bases, stemmed, strict=True)]


@lru_cache
def _stemmer(language: str) -> _Stemmer:
    return _Stemmer(language)
