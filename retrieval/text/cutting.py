"""Where the words, numbers and codes of a text begin and end.

A text is cut into chunks, letters and digits with no blank between them (`ex-alumnos`, `9,90`,
`A-113/B`, `m2`, `R.E.N.F.E.`), and a chunk into parts, words and numbers. A chunk of several
parts stands for itself, too, in the one form in which all its spellings meet: exalumnos, 9.90,
a113b, renfe. So part and whole are both found, and the whole, being rarer, weighs more.
Scripts without blanks (Chinese, Japanese, Thai, Lao, Khmer, Burmese; Korean, which glues its
particles on) are cut into every two neighbouring letters.
Source: Luk and Kwok 2002, "A comparison of Chinese document indexing strategies and retrieval
models" (pairs of neighbours do as well as words).
"""

from __future__ import annotations

import itertools
import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from retrieve.text.numbers import NO_DIGIT, THOUSANDS, in_groups, number, numerals, whole_number
from retrieve.text.readable import typed

WORD, TERM, LETTER = "word", "term", "letter"  # kinds of a Cut
MOST_PARTS = 12  # of a chunk that stands for itself, too: an address, not a table without blanks
ACCENTS = (
    "\u0300-\u036f"  # marks that follow a letter of Latin, Greek, Cyrillic in a decomposed text
)
# What joins parts without a blank; comma and colon do between digits only, the apostrophe before
# letters: "3,5", "8:30", "O'Brien".
JOINT = r"(?:[-‐‑./_@·&+⁄]|(?<=\d)[,:](?=\d)|['’](?=[^\W\d_]))"
SEGMENT = re.compile("[@/]")  # between parts of a code that are known by themselves
# E. T. A., EE. UU.: capital letters, each with its point and a blank before the next.
INITIALS = re.compile(r"(?<![\w.])[^\W\d_]{1,2}\.(?:[ \u00a0]?[^\W\d_]{1,2}\.)+")
MAY_BE_INITIALS = re.compile("[A-Z]\\.[ \u00a0][A-Z]")
# Scripts that may have marks besides accents; punctuation and signs are left out.
SCRIPTS = re.compile("[\u0483-\u1fff\u20d0-\u20ff\u2c00-\U0010ffff]")
# Without blanks between words; of these, scripts in which one letter may be a word.
_IDEOGRAPHS = "々〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_GLUED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\uac00-\ud7a3\u1100-\u11ff"
)
GLUED = re.compile(f"[{_IDEOGRAPHS}{_GLUED}]+[\u0300-\u036f\u3099\u309a]*")
IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")


class Cut(NamedTuple):
    """A stretch of a chunk, chunk[start:end].

    kind  WORD is to be stemmed; TERM is kept as `text` says it; LETTER is a TERM that stands in a
          longer word, and is no word of a query
    """

    kind: str
    text: str
    start: int
    end: int


class Part(NamedTuple):
    """A word or a number of a chunk."""

    text: str
    start: int
    end: int
    is_number: bool


@cache
def _marks() -> str:
    """All marks that belong to the letter before them (Unicode's category M), for a class."""
    codes = [
        code for code in range(0x300, sys.maxunicode)
        if code < 0x1F000 or 0xE0100 <= code < 0xE01F0
        if unicodedata.category(chr(code))[0] == "M"
    ]  # fmt: skip
    return "".join(map(chr, codes))


class _Patterns(NamedTuple):
    chunk: re.Pattern[str]
    part: re.Pattern[str]


@cache
def _compiled(marks: str) -> _Patterns:
    letters = rf"[^\W\d_]+(?:[{marks}]+(?:[^\W\d_]+)?)*"
    part = rf"(?:{letters}|\d+)"
    chunk = rf"{part}(?:{JOINT}?{part})*"
    return _Patterns(re.compile(chunk), re.compile(rf"{THOUSANDS}|\d+|{letters}"))


def _patterns(text: str) -> _Patterns:
    """With the marks that a text may have."""
    return _compiled(ACCENTS if text.isascii() or not SCRIPTS.search(text) else _marks())


def chunks(text: str) -> list[str]:
    """The chunks of a readable text, in order."""
    return _patterns(text).chunk.findall(text)


def placed_chunks(text: str) -> Iterator[re.Match[str]]:
    """The same as matches."""
    return _patterns(text).chunk.finditer(text)


def parts_of(chunk: str) -> list[Part]:
    """The words and numbers of a chunk."""
    return [
        Part(match[0], *match.span(), match[0][0].isdigit())
        for match in _patterns(chunk).part.finditer(chunk)
    ]


def cuts(chunk: str) -> list[Cut]:
    """The words, numbers and codes of one chunk: its parts, then what it is as a whole."""
    if chunk.isalpha() and not SCRIPTS.search(chunk):  # as most are
        return [Cut(WORD, chunk, 0, len(chunk))]
    parts = parts_of(chunk)
    found: list[Cut] = []
    for part in parts:
        if part.is_number:
            found.append(Cut(TERM, number(part.text), part.start, part.end))
        else:
            found += _in_letters(part)
    if 1 < len(parts) <= MOST_PARTS:
        found += _wholes(chunk, parts)
    return found


def across(text: str) -> Iterator[Cut]:
    """What a readable text says across blanks: numbers in groups, dates in words, initials."""
    for term, start, end in in_groups(text):
        yield Cut(TERM, term, start, end)
    if MAY_BE_INITIALS.search(text):
        for match in INITIALS.finditer(text):
            letters = "".join(one for one in match[0] if one.isalpha())
            if letters.isupper() and any(map(str.isspace, match[0])):
                yield Cut(WORD, letters, *match.span())


def _in_letters(part: Part) -> Iterator[Cut]:
    """A word, or the pairs of letters of a script without blanks."""
    if part.text.isascii() or not GLUED.search(part.text):
        yield Cut(WORD, part.text, part.start, part.end)
        return
    at = 0
    for run in GLUED.finditer(part.text):
        if run.start() > at:
            yield Cut(WORD, part.text[at : run.start()], part.start + at, part.start + run.start())
        yield from _pairs(run[0], part.start + run.start())
        at = run.end()
    if at < len(part.text):
        yield Cut(WORD, part.text[at:], part.start + at, part.end)


def letters_of(run: str) -> list[tuple[int, int]]:
    """Where each letter of a script without blanks begins and ends, its marks with it."""
    ends = [
        at
        for at in range(1, len(run))
        if unicodedata.category(run[at])[0] != "M" and run[at] not in "ๅำະາຳ"
    ]
    return list(zip([0, *ends], [*ends, len(run)], strict=True))


def _pairs(run: str, start: int) -> Iterator[Cut]:
    places = letters_of(run)
    if len(places) == 1:
        yield Cut(TERM, _folded(run), start, start + len(run))
        return
    for i, (first, end) in enumerate(places):
        if IDEOGRAPH.match(run, first):
            yield Cut(LETTER, _folded(run[first:end]), start + first, start + end)
        if i + 1 < len(places):
            last = places[i + 1][1]
            yield Cut(TERM, _folded(run[first:last]), start + first, start + last)


def _wholes(chunk: str, parts: list[Part]) -> Iterator[Cut]:
    """What a chunk of several parts is known by: itself, its numbers, the halves of a code."""
    runs = _runs([part.is_number for part in parts])
    for first, end in runs:
        if end - first > 1:
            some = parts[first:end]
            begin, last = some[0].start, some[-1].end
            joints = _joints(chunk, some)
            for text in numerals([one.text for one in some], joints):
                yield Cut(TERM, text, begin, last)
    if all(part.is_number for part in parts):
        return
    spans = [(0, len(parts))]
    breaks = [i + 1 for i, joint in enumerate(_joints(chunk, parts)) if SEGMENT.fullmatch(joint)]
    spans += zip([0, *breaks], [*breaks, len(parts)], strict=True) if breaks else []
    if parts[0].is_number and chunk[parts[0].end : parts[1].start] == "":
        spans.append((1, len(parts)))  # 850m2 has m2 in it
    for first, end in dict.fromkeys(spans):
        some = parts[first:end]
        if len(some) > 1 and not all(one.is_number for one in some):
            yield from _whole(chunk, some)


def _whole(chunk: str, parts: list[Part]) -> Iterator[Cut]:
    begin, end = parts[0].start, parts[-1].end
    joints = _joints(chunk, parts)
    if any(GLUED.search(part.text) for part in parts):
        return
    if not any(part.is_number for part in parts):
        # In l'home or d'or an article was left its apostrophe; O'Brien is a name.
        first = parts[0].text
        if joints[0] in ("'", "’") and len(first) < 3 and first.islower():
            return
        yield Cut(WORD, "".join(part.text for part in parts), begin, end)
        return
    text = _folded(parts[0].text)
    for joint, before, part in zip(joints, parts, parts[1:], strict=False):
        decimal = joint in (".", ",") and before.is_number and part.is_number
        text += ("." if decimal else "") + _folded(part.text)
    yield Cut(TERM, text, begin, end)


def _joints(chunk: str, parts: list[Part]) -> list[str]:
    """What stands between the parts of a chunk."""
    return [chunk[before.end : after.start] for before, after in itertools.pairwise(parts)]


def _runs(flags: list[bool]) -> Iterator[tuple[int, int]]:
    """First and end of each run of true values."""
    first = 0
    for at, flag in enumerate([*flags, False]):
        if not flag:
            if at > first:
                yield first, at
            first = at + 1


def _folded(text: str) -> str:
    """A number or code as all its spellings have it."""
    if text[0].isdigit():
        return NO_DIGIT.sub("", whole_number(text))
    return typed(unicodedata.normalize("NFC", text).lower())
