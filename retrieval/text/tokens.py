"""Words of a text, in the one form in which the vocabulary holds them."""

from __future__ import annotations

import re
import unicodedata

WORD = re.compile(r"[^\W\d_]+")  # letters only: Spanish has no apostrophes inside words
UNACCENTED = str.maketrans("áéíóúü", "aeiouu")


def normal(word: str) -> str:
    """The form in which words are compared: composed accents (NFC), lower case, no margins."""
    return unicodedata.normalize("NFC", word).strip().lower()


def words(text: str) -> list[str]:
    """The words of a text in order, lower case, accents kept; digits and marks are dropped."""
    return WORD.findall(normal(text))


def plain(word: str) -> str:
    """A word without its diacritics: `parís` and `paris` meet here, `ñ` becomes `n`."""
    decomposed = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def unaccented(word: str) -> str:
    """A word without acute accents and diaereses; `ñ` is a letter of its own and stays."""
    return word.translate(UNACCENTED)
