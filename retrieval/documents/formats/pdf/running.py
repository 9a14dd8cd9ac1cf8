"""Lines of pages → lines of a text: without what runs along the edge of every page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from statistics import median

from retrieve.documents.lines import Line, clean

_EDGE_LINES = 2  # at the top and the bottom of a page, where running heads and numbers stand
_MIN_LINES = 8  # of a page that has running heads
_NUMBER = re.compile(r"\d{1,5}")
_MAX_NUMBERS = 4  # of a line that are looked at
# What may stand with a number that is the page's: with any other word it is an invoice's, a
# session's, a date's, and has to be found.
_PAGE_WORDS = re.compile(
    r"(?:p[aá]g(?:ina)?s?|p|pages?|pg|seiten?|blatt|bl|s|hojas?|folios?|fol|f|full?|foglio|feuille(?:t)?|"
    r"sida|side|strona|str|страница|стр|с|σελίδα|σελ|de|of|von|di|da|du|sur|av|z|из|n[oº]?|"
    r"第|页|頁|ページ|共)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_RUNNING_FROM = 0.3  # share of pages: left and right ones differ
_BULLET = re.compile(r"\s*(?:[•▪◦‣·○●■*–-]|\d{1,2}[.)])\s")
_SENTENCE_END = re.compile(r"[.!?…:;][»”’\"')\]]*\s*\Z")
_SHORT = 0.7  # of the usual length of a line: it ends a paragraph or is a heading


def lines(pages: list[list[str]]) -> Iterator[Line]:
    """The lines of all pages, each with its page, and whether a paragraph begins there."""
    running = _running(pages)
    usual = median(len(line) for lines in pages for line in lines)
    seen: set[str] = set()
    before = ""
    for number, lines in enumerate(pages, start=1):
        for at, line in enumerate(lines):
            known = _keys(line, number) & running if _is_edge(at, len(lines)) else set()
            if not known:
                yield Line(line, begins=_begins(line, before, usual), page=number)
                before = line
            elif not known & seen:
                yield Line(line, page=number)
                seen |= known


def _running(pages: list[list[str]]) -> set[str]:
    """Keys of what stands at the edge of so many pages that it belongs to none of them."""
    count: Counter[str] = Counter()
    for number, lines in enumerate(pages, start=1):
        edge = (line for at, line in enumerate(lines) if _is_edge(at, len(lines)))
        count.update(set().union(*(_keys(line, number) for line in edge)))
    return {key for key, times in count.items() if times >= max(3, _RUNNING_FROM * len(pages))}


def _is_edge(at: int, count: int) -> bool:
    return count >= _MIN_LINES and not _EDGE_LINES <= at < count - _EDGE_LINES


def _keys(line: str, page: int) -> set[str]:
    """What a line has in common with those of other pages: itself, or up to its page number."""
    text = clean(line)
    keys = {text}
    if not all(map(_PAGE_WORDS.fullmatch, _WORD.findall(text))):
        return keys
    for found in islice(_NUMBER.finditer(text), _MAX_NUMBERS):
        distance = int(found[0]) - page
        keys.add(f"{text[: found.start()]}<page + {distance}>{text[found.end() :]}")
    return keys


def _begins(line: str, before: str, usual: float) -> bool:
    """Whether a paragraph begins, as far as the shape of the lines tells."""
    if _BULLET.match(line) or not before:
        return True
    if len(before) >= _SHORT * usual:
        return False
    return _SENTENCE_END.search(before) is not None or not line.lstrip()[:1].islower()
