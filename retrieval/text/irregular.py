"""Spanish words whose stem is another than Snowball's: hizo is of hacer, luces of luz.

The table beside the code is made by retrieval/training/stems.py from our rules of inflection. It
holds the infinitives, by which the regular forms are known, and what no rule reaches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "es.stems.txt"
PRONOUN = "(?:[mts]e|l[aeo]s?|n?os)"
PRONOUNS = ("me", "te", "se", "la", "le", "lo", "las", "les", "los", "os")  # as words end
# diciéndoselo → diciendo, leerlo → leer: what is left has its entry.
WITH_PRONOUNS = re.compile(rf"(.+(?:ndo|[aei]r)){PRONOUN}{PRONOUN}?")
# Endings of regular verbs, without accents, by which Snowball knows them not or not always.
_FUTURE = "e|as?|emos|eis|an|ia|ias|iamos|iais|ian"
REGULAR = (
    (re.compile(rf"(.+)ar(?:{_FUTURE})"), "ar"),
    (re.compile(rf"(.+)er(?:{_FUTURE})"), "er"),
    (re.compile(rf"(.+)ir(?:{_FUTURE})"), "ir"),
    (re.compile(r"(.+)(?:[ae]is|aba(?:mos|is)|a[rs]e(?:[sn]|is|mos)?|ara(?:mos|is)|asteis)"), "ar"),
    (re.compile(r"(.+)(?:[ae]is|ia(?:[sn]|is|mos)?|ie[rs][ae](?:[sn]|is|mos)?|isteis|io?)"), "er"),
    (re.compile(r"(.+)(?:ais|is|ia(?:[sn]|is|mos)?|ie[rs][ae](?:[sn]|is|mos)?|isteis|io?)"), "ir"),
)
LONGEST = 7  # letters of such an ending: aríamos


# The last two letters of what these match, unless it is an i; most words end otherwise.
LAST = frozenset(("re", "ra", "as", "os", "is", "an", "ia", "es", "en", "se", "sa", "io"))
ENDS = LAST | {one[-2:] for one in PRONOUNS}


def stems_of_words(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The stems of those of some words without accents whose stems are not Snowball's."""
    table, found = _table(), dict[str, tuple[str, ...]]()
    for word in words:
        ends = word[-2:] in ENDS or word[-1:] == "i"
        if (ends or word in table) and (its := stems_of(word)):
            found[word] = its
    return found


def stems_of(word: str) -> tuple[str, ...] | None:
    """The stems of a word without accents; None where they are Snowball's."""
    table = _table()
    if (found := table.get(word)) is None:
        if word.endswith(PRONOUNS) and (match := WITH_PRONOUNS.fullmatch(word)):
            found = table.get(match[1])
        elif not _roots().isdisjoint([word[:-n] for n in range(1, LONGEST + 1)]):
            found = by_rule(word, table)
    return None if found is None else tuple(found.split())


def by_rule(word: str, table: Mapping[str, str]) -> str | None:
    """What the table says of the infinitive of which a word is a regular form."""
    if word[-2:] not in LAST and word[-1:] != "i":
        return None
    for pattern, ending in REGULAR:
        if (match := pattern.fullmatch(word)) and (found := table.get(match[1] + ending)):
            return found
    return None


@cache
def _roots() -> frozenset[str]:
    """Of the infinitives in the table: one look at these is a quarter of one at all rules."""
    return frozenset(word[:-2] for word in _table() if word.endswith(("ar", "er", "ir")))


@cache
def _table() -> dict[str, str]:
    lines = TABLE.read_text("utf-8").splitlines()
    table = {word: stems for word, _, stems in (line.partition(" ") for line in lines)}
    for word, stems in list(table.items()):
        if "ñ" in word:
            table.setdefault(word.replace("ñ", "n"), stems)  # as it is typed abroad
    return table
