"""Lines → passages: whole sentences, packed to the length that the encoders were made for."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from retrieve.documents.lines import Line, clean
from retrieve.documents.sentences import sentence_starts
from retrieve.types import Passage

# The shipped text encoder was trained on blocks of some 80 tokens; much longer passages
# blur its embedding, much shorter ones say too little to be found by meaning.
TARGET_WORDS = 80
MIN_WORDS = 60  # less only where a heading, a record or the document ends
MAX_WORDS = 120  # a longer sentence is cut
LONGEST_WORDS = MAX_WORDS + MIN_WORDS // 2  # only where less than half of MIN_WORDS stood alone
CUT_WORDS = 100  # of the parts of a sentence that is cut, about
# A word and its blank take 6 characters in Spanish; text without blanks (Chinese, a key) has
# no words to count, so that many characters count as one at least.
WORD_CHARACTERS = 9
_CUT_WITHIN = 90  # characters around the wished place of a cut, about 15 words
_CUT_AFTER = re.compile(r"(?<=[,;:)»”—]) ")
_FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")  # two make a flag
_VIRAMA = 9  # combining class of the sign that joins two consonants
_MAX_JOINED = 1000  # combining characters in a row: a longer sequence is not writing


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    words: int
    place: Line  # where it begins
    ends_paragraph: bool


def split(lines: Iterable[Line], title: str = "") -> Iterator[Passage]:
    """Passages of about MIN_WORDS to MAX_WORDS words, in order, at the place they begin.

    title  of the document: what stands before its first heading stands under it

    No passage crosses a heading or a record. A heading with nothing below it is a passage
    of its own, lest it be lost. Nothing else is left out but blanks and what
    `lines.clean` drops.
    """
    for heading, section in _sections(lines):
        own = clean(heading.text) if heading else ""
        empty = True
        for sentences in _packed(_sentences(_paragraphs(section))):
            empty = False
            place = sentences[0].place
            text = " ".join(sentence.text for sentence in sentences)
            yield _passage(text, place, clean(place.title) or own or title)
        if empty and heading and own and own != title:
            yield _passage(own, heading, heading.title or title)


def count_words(text: str) -> int:
    """Words of a clean text as passages count them."""
    return max(text.count(" ") + 1, len(text) // WORD_CHARACTERS) if text else 0


def _passage(text: str, place: Line, title: str) -> Passage:
    return Passage(
        text=text,
        title=title,
        page=place.page,
        line=place.line,
        record=place.record,
        time_s=place.time_s,
    )


def _sections(lines: Iterable[Line]) -> Iterator[tuple[Line | None, Iterator[Line]]]:
    """Each heading with the lines below it; each record under none.

    As with itertools.groupby, a section has to be used up before the next is asked for.
    """
    stream = iter(lines)
    upcoming = next(stream, None)
    while upcoming is not None:
        heading = upcoming if upcoming.heading else None
        first = next(stream, None) if heading else upcoming
        upcoming = None

        def section(line: Line | None, record: int | None) -> Iterator[Line]:
            nonlocal upcoming
            while line is not None and not line.heading and line.record == record:
                yield line
                line = next(stream, None)
            upcoming = line

        yield heading, section(first, first.record if first else None)


def _paragraphs(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Lines that belong together, cleaned; those without text are left out."""
    paragraph: list[Line] = []
    for line in lines:
        if line.begins and paragraph:
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _sentences(paragraphs: Iterable[list[Line]]) -> Iterator[_Sentence]:
    for lines in paragraphs:
        cleaned = [(clean(line.text), line) for line in lines]
        cleaned = [(text, line) for text, line in cleaned if text]
        if not cleaned:
            continue
        text = " ".join(text for text, _ in cleaned)
        begins = list(accumulate((len(text) + 1 for text, _ in cleaned), initial=0))
        starts = [*_parts(text)]
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            part = text[start:end].rstrip(" ")
            place = cleaned[bisect_right(begins, start, hi=len(cleaned)) - 1][1]
            yield _Sentence(part, count_words(part), place, end == len(text))


def _parts(text: str) -> Iterator[int]:
    """Where sentences begin, and the parts of those longer than MAX_WORDS."""
    starts = list(sentence_starts(text))
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield start
        words = count_words(text[start:end].rstrip(" "))
        if words > MAX_WORDS:
            pieces = -(-words // CUT_WORDS)
            size = (end - start) / pieces
            last = start
            for number in range(1, pieces):
                cut = _cut(text, last + 1, start + round(size * number), end)
                if last < cut < end:
                    yield cut
                    last = cut


def _cut(text: str, low: int, wished: int, high: int) -> int:
    """A place near `wished` to cut a sentence: after a comma, at a blank, between letters."""
    low, high = max(low, wished - _CUT_WITHIN), min(high, wished + _CUT_WITHIN)
    blanks = [found.end() for found in _CUT_AFTER.finditer(text, low, high)]
    if not blanks:
        blanks = [at + 1 for at in range(low, high) if text[at] == " "]
    if blanks:
        return min(blanks, key=lambda at: abs(at - wished))
    return next((at for at in range(wished, wished + _MAX_JOINED) if _is_joint(text, at)), wished)


def _is_joint(text: str, at: int) -> bool:
    """Whether the characters before and after a place are two for a reader."""
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    if "\u200d" in (before, after) or unicodedata.category(after).startswith("M"):
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or unicodedata.combining(before) == _VIRAMA:
        return False  # a skin tone follows its emoji; conjunct letters of India
    flags = _FLAG_LETTERS.search(text, max(0, at - _MAX_JOINED), at)
    return not (flags and len(flags[0]) % 2 and _FLAG_LETTERS.fullmatch(after))


def _packed(sentences: Iterable[_Sentence]) -> Iterator[list[_Sentence]]:
    """Sentences in groups, each of which becomes a passage."""
    held: list[_Sentence] = []  # complete, but the rest of the section may join it
    current: list[_Sentence] = []
    words = 0
    for sentence in sentences:
        if current and _is_full(words, sentence.words, current[-1].ends_paragraph):
            if held:
                yield held
            held, current, words = current, [], 0
        current.append(sentence)
        words += sentence.words
    if words < MIN_WORDS:
        yield from _evened(held + current)
    else:
        yield from (group for group in (held, current) if group)


def _is_full(words: int, next_words: int, paragraph_ends: bool) -> bool:
    if words + next_words > MAX_WORDS:
        return words >= MIN_WORDS // 2 or words + next_words > LONGEST_WORDS
    if words < MIN_WORDS:
        return False
    return paragraph_ends or abs(words - TARGET_WORDS) <= abs(words + next_words - TARGET_WORDS)


def _evened(sentences: list[_Sentence]) -> Iterator[list[_Sentence]]:
    """The end of a section: one group if it is short enough, else two as equal as can be."""
    sums = list(accumulate(sentence.words for sentence in sentences))
    if not sums:
        return
    if sums[-1] <= MAX_WORDS or len(sums) == 1:
        yield sentences
        return
    cut = min(range(1, len(sums)), key=lambda at: abs(sums[-1] - 2 * sums[at - 1]))
    yield sentences[:cut]
    yield sentences[cut:]
