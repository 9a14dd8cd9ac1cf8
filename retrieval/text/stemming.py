"""Words of a text as the index of words keeps them: stems without diacritics.

A word is put into lower case, left out if it is a stop word, stemmed by Snowball and folded:
diacritics go and ñ becomes n, for people type `Espana` without them. Spanish words lose their
acute accents before the stemmer, which would take -ía and -ia for different endings: of the
accented words of our texts, typed without accents, 99.8 % keep their stem, and 74 % the other
way round. It costs .001 of R@1 on squad_es_dev, where all accents are right.
Numbers are kept; the marks between thousands (1.000, 1,000) are dropped.
Source: Porter 2001, "Snowball: a language for stemming algorithms".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

from retrieve.text.tokens import normal, plain, unaccented

# Marks that follow the letter they belong to: Latin, Greek, Cyrillic; Hebrew; Arabic; Devanagari;
# Tamil. A text may be decomposed (NFD), as file names on macOS are.
MARKS = "[\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u0900-\u0903\u093a-\u094d\u0bbe-\u0bcd]"
LETTERS = r"[^\W\d_]+"
TOKEN = re.compile(rf"{LETTERS}(?:{MARKS}+(?:{LETTERS})?)*|\d{{1,3}}(?:[.,]\d{{3}})+(?!\d)|\d+")
THOUSANDS = str.maketrans("", "", ".,")
MOST_KEPT = 1_000_000  # spellings remembered for one language, about 100 MB

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

# Words of grammar only: articles, pronouns, prepositions, conjunctions, question words and the
# commonest forms of haber, ser, estar. A form that is also a noun or a number stays out of the
# list: sobre, bajo, uno, dos, todo, parte, poder. They are compared with their accents, so that
# te and té, se and sé are told apart; á, é, ó, ú, fué are spelt so in books before 1952.
_SPANISH = """
    el la los las lo un una unos unas al del
    yo tú él ella ello ellos ellas nosotros nosotras vosotros vosotras usted ustedes
    me te se nos os le les mí ti sí conmigo contigo consigo
    mi mis tu tus su sus nuestro nuestra nuestros nuestras vuestro vuestra vuestros vuestras
    este esta estos estas ese esa esos esas aquel aquella aquellos aquellas
    esto eso aquello éste ésta éstos éstas ése ésa ésos ésas aquél aquélla
    a ante con contra de desde durante e en entre hacia hasta para por según sin tras
    y u o ni que qué quien quién quienes quiénes cual cuál cuales cuáles cuyo cuya cuyos cuyas
    cuando cuándo donde dónde adonde adónde como cómo cuanto cuánto cuanta cuánta
    cuantos cuántos cuantas cuántas porque si no pero mas sino aunque pues
    también muy más ya á é ó ú
    es son era eran fue fué fueron ser sea sean sido siendo será serán sería serían
    está están estaba estaban estuvo estar
    ha han he hemos había habían haber habido hay hubo
"""
NOT_WITHOUT_ACCENT = {"seria"}  # sería without its accent is another word
_SPANISH_STOP_WORDS = frozenset(_SPANISH.split())
STOP_WORDS = {
    "es": _SPANISH_STOP_WORDS
    | {unaccented(word) for word in _SPANISH_STOP_WORDS} - NOT_WITHOUT_ACCENT
}


class Stem(NamedTuple):
    """One word of a text: its stem, and where it stands, text[start:end]."""

    stem: str
    start: int
    end: int


def stems(text: str, language: str = "es") -> list[str]:
    """The stems of a text's words and its numbers, in order; [] if it has none.

    language  code of ISO 639-1; of one that Snowball does not know, words are folded only
    """
    known = _stemmer(language)
    return [stem for token in TOKEN.findall(text) if (stem := known[token])]


def spelt_stems(text: str, language: str = "es") -> list[tuple[str, str]]:
    """As `stems`, each with the word that it came from, as that stands in the text."""
    known = _stemmer(language)
    return [(token, stem) for token in TOKEN.findall(text) if (stem := known[token])]


def stemmed_words(text: str, language: str = "es") -> list[Stem]:
    """As `stems`, with the place of each word in the text."""
    known = _stemmer(language)
    return [
        Stem(stem, *match.span()) for match in TOKEN.finditer(text) if (stem := known[match[0]])
    ]


class _Stemmer(dict[str, str]):
    """Spelling → stem, "" for a stop word; a new spelling is stemmed when first asked for."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._unaccent = language == "es"
        self._stop = STOP_WORDS.get(language, frozenset())
        self._lock = Lock()  # Snowball's stemmers keep the word that they work on
        self._snowball = None
        if language in LANGUAGES:
            import Stemmer

            self._snowball = Stemmer.Stemmer(LANGUAGES[language])

    def __missing__(self, token: str) -> str:
        if token[0].isdigit():
            stem = token.translate(THOUSANDS)
        else:
            word = normal(token)
            stem = "" if word in self._stop else self._stem(word)
        if len(self) < MOST_KEPT:
            self[token] = stem
        return stem

    def _stem(self, word: str) -> str:
        if self._unaccent:
            word = unaccented(word)
        if self._snowball is not None:
            with self._lock:
                word = self._snowball.stemWord(word)
        return plain(unicodedata.normalize("NFKC", word))


@lru_cache
def _stemmer(language: str) -> _Stemmer:
    return _Stemmer(language)
