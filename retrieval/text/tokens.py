"""Words of a text, in the one form in which the vocabulary holds them."""

from __future__ import annotations

import re
import unicodedata

WORD = re.compile(r"[^\W\d_]+")  # letters only: Spanish has no apostrophes inside words
# Classes of combining marks that are no diacritics: none, the voiced sounds of Japanese, viramas,
# vowels and tones of Telugu, Thai, Lao, Tibetan.
NO_DIACRITICS = {0, 8, 9, 84, 91, 103, 107, 118, 122, 129, 130, 132}
UNACCENTED = str.maketrans("áéíóúü", "aeiouu")


def normal(word: str) -> str:
    """The form in which words are compared: composed accents (NFC), lower case, no margins."""
    return unicodedata.normalize("NFC", word).strip().lower()


def words(text: str) -> list[str]:
    """The words of a text in order, lower case, accents kept; digits and marks are dropped."""
    return WORD.findall(normal(text))


def plain(word: str) -> str:
    """A word without its diacritics: `parís` and `paris` meet here, `ñ` becomes `n`.

    Points of Hebrew and Arabic go, too; signs that make another syllable stay (が is not か).
    """
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word)
    bare = (one for one in decomposed if unicodedata.combining(one) in NO_DIACRITICS)
    return unicodedata.normalize("NFC", "".join(bare))


def unaccented(word: str) -> str:
    """A word without acute accents and diaereses; `ñ` is a letter of its own and stays."""
    return word.translate(UNACCENTED)
