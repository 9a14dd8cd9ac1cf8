"""Characters as people type them: `m²` is m2, `Straße` Strasse, `Łódź` Lodz.

`readable` brings a text into plain letters before it is cut into words, and says where each
character stood; `typed` takes the marks off a word, as people type it without them.
Source: Unicode Standard Annex 15, "Unicode normalization forms" (compatibility decomposition).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from retrieve.text.tokens import plain

# What stands inside a word and is not seen: soft hyphen, joiners and what divides nothing, the
# stretched line of Arabic.
UNSEEN = frozenset("\u00ad\u200c\u200d\u2060\ufeff\u0640")
UNUSUAL = re.compile(f"[{''.join(sorted(UNSEEN))}]")
SIGNS_OF_LETTERS = frozenset("№") | {chr(code) for code in range(0x3300, 0x3400)}  # ㎡, ㎏
FRACTION = "\u2044"  # in ½ as Unicode writes it out: what stood before is another number
# Letters that Unicode does not decompose, as they are typed on a keyboard without them.
_BASE = {
    "ß": "ss", "ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d",
    "ħ": "h", "ŧ": "t", "ŋ": "n", "ĸ": "k",
}  # fmt: skip
BASE = str.maketrans(_BASE)
# Of the above: letters that a language's own stemmer looks at.
OWN_LETTERS = {"da": "øæ", "no": "øæ", "de": "ß", "pl": "ł", "tr": "ı", "fr": "œæ", "st": "ŋ"}


def readable(text: str) -> tuple[str, Sequence[int] | None]:
    """A text in plain letters and digits, and where in the text each of its characters stood.

    None instead of the places where nothing has changed.
    """
    if text.isascii():
        return text, None
    if unicodedata.is_normalized("NFKC", text) and not UNUSUAL.search(text):
        return text, None
    found: list[str] = []
    places: list[int] = []
    for at, letter in enumerate(text):
        written = letter if letter.isascii() else _written(letter)
        found.append(written)
        places += [at] * len(written)
    return "".join(found), places


@lru_cache(1 << 14)
def _written(letter: str) -> str:
    if letter in UNSEEN:
        return ""
    if unicodedata.category(letter)[0] not in "LN" and letter not in SIGNS_OF_LETTERS:
        return letter
    written = unicodedata.normalize("NFKC", letter)
    return " " + written if FRACTION in written else written


def typed(word: str, language: str = "") -> str:
    """A word in lower case as it is typed without marks; letters of `language` stay."""
    return plain(based(word, language))


def based(word: str, language: str = "") -> str:
    """A word with base letters for those that Unicode does not decompose, but for its own ones."""
    if word.isascii():
        return word
    own = OWN_LETTERS.get(language)
    if own is None:
        return word.translate(BASE)
    return word.translate({code: to for code, to in BASE.items() if chr(code) not in own})
