"""Bytes beyond ASCII → which 8-bit or multibyte encoding they are in, without being told.

Alphabets tell: of Latin ones that encoding is taken in which one language has all letters,
each where it may stand. A few bytes say little, so the west comes first, and nothing exotic
is ever guessed from them. Other scripts show by runs of bytes beyond ASCII: a word of theirs
is one, in a Latin alphabet an accent stands alone. Among those the commonest letters decide.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise

_WINDOWS, _MACINTOSH = "cp1252", "mac_roman"
WESTERN = (_WINDOWS, "iso8859_15", "cp850", _MACINTOSH)  # then Unix, DOS
_OF_DOS = ("cp850", "cp852", "cp857", _MACINTOSH)  # without soft hyphens in texts
_PLAUSIBLE = 0.9  # share of characters beyond ASCII that stand where they may
_POSSIBLE = 0.6  # below it is no writing that we know
_FEW_BYTES = 32  # beyond ASCII: too few to tell exotic encodings by
# Bytes of a run, on average: of words in another script, of its syllables or signs.
_WORDS, _PAIRS = 3.0, 2.0
_SEVERAL = 0.95  # what letters of several languages together count beside those of one

# Encodings with the letters that each language written in them has, likeliest first.
_LATIN = (
    (
        WESTERN,
        "áéíóúüñ àèéíïòóúüç àáâãéêíóôõúüç àâæçéèêëîïôœùûüÿ äöüß àèéìíîòóùú éëïóöüáèê åäöé "
        "æøåéóö äöåšž áðéíóúýþæö ëç áàéèíïóòúüç",
    ),
    (
        ("cp1250", "iso8859_2", "cp852"),
        "ąćęłńóśźż áčďéěíňóřšťúůýž áäčďéíĺľňóôŕšťúýž áéíóöőúüű ăâîşţșț čćđšž",
    ),
    (("cp1254", "cp857"), "çğıöşüİ"),
    (("cp1257", "iso8859_13"), "ąčęėįšųūž āčēģīķļņšūž äõöüšž"),
    (("iso8859_3",), "ĉĝĥĵŝŭ"),
)
# Before what letters of the west stand; elsewhere they would be those of another alphabet.
_BEFORE = {
    "õ": re.compile("[eE]"),
    "ã": re.compile(r"[oOeE]|[sS]?(?!\w)"),
    "ç": re.compile(r"[aouáàâãóòôõúùû]|s?(?!\w)", re.IGNORECASE),
    "œ": re.compile("[uicdtsk]", re.IGNORECASE),
    "š": re.compile("[aeiouáéíóúk]", re.IGNORECASE),
    "ž": re.compile("[aeiouáéíóú]", re.IGNORECASE),
    "ñ": re.compile("[aeiouáéíóúü]", re.IGNORECASE),
    "ù": re.compile(r"(?!\w)"),
    "û": re.compile(r"[tcrlm]|(?!\w)", re.IGNORECASE),
    "ÿ": re.compile(r"\w"),
    "Ÿ": re.compile("[A-Z-]"),
}
_STARTED = re.compile(r"(?:\A|[^\w\s,])\W*\Z")  # what stands before a sentence
_SIGNS = frozenset("¿¡«»“”‘’‹›„‚…–—•·°ºª€£¢¥§¶©®™‰±×÷¬¦µ¼½¾¹²³´\xa0\xad")
_BEGINNING = frozenset("•±×÷¬¦¼½¾¿¡„‚¢£¥§©")  # no letter stands before them
_AMONG_LETTERS = frozenset("’·—–…´")  # they may stand between two
# But ’ – — between two letters may be the í ñ ó of an old Macintosh, and in these places not: an
# elision before a vowel (l’aigua, dell’arte, aujourd’hui), an ending of English or Dutch (don’t,
# foto’s), a name (O’Brien), a dash between English words or before a capital (Madrid–París).
_JOIN = re.compile(r"(?<=[^\W\d_])[’–—](?=[^\W\d_])")
_ELIDED = re.compile(
    r"(?:\w{1,2}|aujourd|(?:jus|lors|puis|quel|pres)qu|entr|prud|un|(?:a|co|da|de|ne|su)ll|gl|"
    r"nessun|alcun|ciascun|(?:qu|b)ell|quest|sant|grand|tutt|mezz|senz|anch|com|dov|quant)\Z",
    re.IGNORECASE,
)
_SHORTENED = re.compile(r"(?:s|t|d|m|n|ll|ve|re|em|er|um|un|tje|tjes)(?!\w)", re.IGNORECASE)
_ENGLISH = re.compile(r"\b(?:the|of|and|to|is|that|with|was)\b")
_LETTERS = 12  # of what stands before: longer than what is elided
_BOXES = frozenset("─│┌┐└┘├┤┬┴┼═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬░▒▓█▄▀■")  # of DOS alone
_SAME = re.compile(r"([^\x00-\x7f])\1\1")

# Commonest letters of scripts, and those encodings of theirs that are still met.
_CYRILLIC = "оеаинтсрвлкмі"
_SCRIPTS = (
    (("cp1251", "koi8_u", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"), "[Ѐ-ӿ]", _CYRILLIC),
    (("cp1253", "iso8859_7"), "[Ͱ-Ͽ]", "αοιετσνηυρπκμλς"),
    (("cp1255", "iso8859_8"), "[֐-׿]", "יוהלאתרשםמבנ"),
    (("cp1256", "iso8859_6"), "[،-ۿ]", "اليمنوترهبسدع"),
    (("cp874",), "[฀-๿]", "านรอกเงมยลวดทสตะปบคหแจพ่้ีิัุูำ์"),
)
_KANA = re.compile("[ぁ-ヿ]")
_HAN = re.compile("[一-鿿]")
_HANGUL = re.compile("[가-힣]")
_WIDE_SIGNS = re.compile("[　-〿！-～]")
# Rows of a standard that hold its common characters, by the first of their two bytes.
_COMMON_ROWS = {"gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "cp949": (0xB0, 0xC8)}
_LAST_RESORT = (
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp852 cp866 cp932 cp949 "
    "euc_jp gb18030 big5 koi8_r iso8859_2 iso8859_5 iso8859_7"
)


def guess(sample: bytes) -> tuple[str | None, bool]:
    """The encoding of bytes that hold some beyond ASCII, and whether it is sure.

    returns  (None, False) for what no encoding makes a text of

    With few bytes an encoding of western Europe is found, unless another alphabet explains
    more of them.
    """
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", re.sub(rb"(.)\1\1+", rb"\1", sample))]
    longish = sum(runs) / len(runs) if runs else 0.0
    name, score = _best_latin(sample)
    if longish >= _WORDS or (longish >= _PAIRS and score < _PLAUSIBLE):
        other, fit = _best_script(sample)
        if fit >= _POSSIBLE:
            return other, False
    if score >= _PLAUSIBLE:
        return name, name in WESTERN
    if score >= _POSSIBLE or (score > 0 and sum(runs) < _FEW_BYTES):
        return name, False
    from charset_normalizer import from_bytes

    match = from_bytes(sample, cp_isolation=_LAST_RESORT.split()).best()
    return (match.encoding if match else None), False


def is_latin(encoding: str) -> bool:
    """Whether it has one byte a character and a Latin alphabet."""
    return any(encoding in names for names, _ in _LATIN)


def stands(text: str, at: int, letters: frozenset[str]) -> bool:
    """Whether the character at a place may stand there, among letters or as a sign.

    letters  of the alphabet, small and capital
    """
    character, before, after = text[at], text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if character in letters:
        rule = _BEFORE.get(character) or _BEFORE.get(character.lower())
        if "ñ" not in letters:
            rule = None
        if rule is not None and not rule.match(text, at + 1):
            return False
        if character in "þÞ" and before.isalpha():
            return False  # it begins words
        # A capital hardly follows a small letter: mañana, never maÑana. Nor the reverse.
        if character.isupper() and before.islower():
            return False
        if character.islower() and after.isupper():
            return False
        alone = not before.isalnum() and not after.isalnum()
        if alone and character.isupper() and not _STARTED.search(text, max(0, at - 3), at):
            return False
        return _is_latin(before + after) or (alone and _is_vowel(character))
    if character in "ºª":
        return (before.isalnum() or before == ".") and not after.isalpha()
    if character in "²³¹":
        return not after.isalpha() and before.isalnum()
    if character == "\xad":
        return before.isalpha() and (after.isalpha() or after in "\r\n")
    if character in _BEGINNING:
        return not before.isalpha()
    if character in _SIGNS:
        return character in _AMONG_LETTERS or not (before.isalpha() and after.isalpha())
    return character in _BOXES and not before.isalpha() and not after.isalpha()


def western_letters() -> frozenset[str]:
    """Those beyond ASCII of all languages of western Europe, small and capital."""
    return frozenset().union(*_letters(0))


@cache
def _letters(group: int) -> tuple[frozenset[str], ...]:
    languages = _LATIN[group][1].split()
    both = [frozenset(letters) | frozenset(letters.upper()) for letters in languages]
    return tuple(both)


def _is_latin(text: str) -> bool:
    return any(letter.isalpha() and letter < "\u0250" for letter in text)


@cache
def _is_vowel(letter: str) -> bool:
    return letter in "æøåÆØÅıñÑ" or unicodedata.normalize("NFD", letter)[0] in "aeiouAEIOU"


def _best_latin(sample: bytes) -> tuple[str, float]:
    scores = {
        name: _plausibility(sample, name, _letters(group))
        for group, (names, _) in enumerate(_LATIN)
        for name in names
    }
    best = max(scores, key=lambda name: scores[name])
    if best == _WINDOWS and scores[_MACINTOSH] == scores[best]:
        best = min(best, _MACINTOSH, key=lambda name: _odd_joins(sample.decode(name, "replace")))
    return best, scores[best]


def _odd_joins(text: str) -> int:
    """Apostrophes and dashes between two letters where hardly anybody writes them."""
    english = _ENGLISH.search(text) is not None
    return sum(not _joins(text, match.start(), english=english) for match in _JOIN.finditer(text))


def _joins(text: str, at: int, *, english: bool) -> bool:
    after = text[at + 1]
    if text[at] != "’":
        return english or after.isupper()
    if _SHORTENED.match(text, at + 1) or after.isupper():
        return True
    elided = re.split(r"\W", text[max(0, at - _LETTERS) : at])[-1]
    return (_is_vowel(after) or after in "hH") and _ELIDED.match(elided) is not None


def _plausibility(sample: bytes, encoding: str, languages: tuple[frozenset[str], ...]) -> float:
    """Share of the characters beyond ASCII that stand where they may, in the best language."""
    text = sample.decode(encoding, errors="replace")
    if encoding in _OF_DOS:
        text = text.replace("\xad", "\ufffd")
    of_all = frozenset().union(*languages)
    found = [match.start() for match in re.finditer(r"[^\x00-\x7f]", text)]
    letters = sum(text[at].isalpha() for at in found)
    if not found or letters > 2 * len(re.findall(r"[A-Za-z]", text)):
        return 0.0  # another script: its letters are no accents
    right = [text[at] for at in found if stands(text, at, of_all)]
    repeated = sum(len(match[0]) for match in _SAME.finditer(text) if match[1].isalpha())
    own = max(
        sum(character not in of_all or character in letters for character in right)
        for letters in languages
    )
    return (max(own, _SEVERAL * len(right)) - repeated) / len(found)


def _best_script(sample: bytes) -> tuple[str, float]:
    scores = {"cp932": _japanese(sample, "cp932"), "euc_jp": _japanese(sample, "euc_jp")}
    scores |= {name: _rows(sample, name) for name in _COMMON_ROWS}
    for names, script, common in _SCRIPTS:
        scores |= {name: _common(sample, name, script, common) for name in names}
    best = max(scores, key=lambda name: scores[name])
    return best, scores[best]


def _common(sample: bytes, encoding: str, script: str, common: str) -> float:
    """How far a script explains the text: letters of it, small ones, common ones."""
    text = sample.decode(encoding, errors="replace")
    beyond = re.findall(r"[^\x00-\x7f]", text)
    own = len(re.findall(script, text))
    wrong = sum(b.isupper() and a.islower() for a, b in pairwise(text))
    often = sum(text.lower().count(letter) for letter in common)
    signs = sum(character in _SIGNS for character in beyond)
    return (own + signs - 2 * wrong) / len(beyond) * (0.4 + 0.6 * min(1, often / max(own, 1) / 0.7))


def _japanese(sample: bytes, encoding: str) -> float:
    """Kana stand between the signs of Chinese in any Japanese sentence."""
    text = sample.decode(encoding, errors="replace")
    beyond = len(re.findall(r"[^\x00-\x7f]", text))
    kana, han = len(_KANA.findall(text)), len(_HAN.findall(text))
    wide = len(_WIDE_SIGNS.findall(text))
    return (kana + han + wide) / beyond * min(1.0, 0.5 + 2.5 * kana / max(kana + han, 1))


def _rows(sample: bytes, encoding: str) -> float:
    """Share of the characters that stand in the rows of common ones."""
    text = sample.decode(encoding, errors="replace")
    beyond = re.findall(r"[^\x00-\x7f]", text)
    first, last = _COMMON_ROWS[encoding]
    script = _HANGUL if encoding == "cp949" else _HAN
    common: int = sum(
        first <= character.encode(encoding)[0] <= last
        for character in beyond
        if script.match(character)
    )
    signs = sum(_WIDE_SIGNS.match(character) is not None for character in beyond)
    weight = 0.97 if script is _HANGUL else 0.95  # fewer rows: less by chance
    return weight * (common + signs) / len(beyond)
