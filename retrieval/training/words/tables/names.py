"""Names: the places that people ask for, and which words of a text are names of something.

Places are those that CLDR names in Spanish (countries, and the cities that stand for time zones)
and the capitals of two tables of countries. They stay in a vocabulary however rarely a text has
them. Source: Unicode CLDR (through Babel), mledoze/countries, todosloscorpus.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from retrieve.extras import optional
from retrieve.text.tokens import normal, words

WITHIN = re.compile(r"(?<=[a-záéíóúüñ,] )[^\W\d_]+")  # words that begin no sentence
FEWEST = 5  # times a word has to stand within a sentence before its capital tells anything
EVERY = 8  # one line of so many is looked at: a name that stands less often is not missed
MOSTLY = 0.5  # share of these times with a capital from which a word is a name


def places(folder: Path) -> frozenset[str]:
    """One-word names of countries, capitals and large cities, in Spanish."""
    with optional("the names of places"):
        from babel import Locale

    spanish = Locale("es")
    named = [name for code, name in spanish.territories.items() if code.isalpha()]
    named += [zone["city"] for zone in spanish.time_zones.values() if "city" in zone]
    countries = json.loads((folder / "countries.json").read_text("utf-8"))
    named += [one.get("translations", {}).get("spa", {}).get("common", "") for one in countries]
    table = folder / "todosloscorpus" / "data" / "geography" / "countries_with_capitals.json"
    for row in json.loads(table.read_text("utf-8"))["countries"]:
        named += [row["name"], row["capital"]]
    return frozenset(normal(name) for name in named if words(name) == [normal(name)])


def capitalised(texts: Iterable[str]) -> frozenset[str]:
    """The words that mostly have a capital where no sentence begins, in lower case.

    What is written in capitals throughout (headings, who speaks in a play) counts for nothing.
    """
    lower: Counter[str] = Counter()
    upper: Counter[str] = Counter()
    for text in islice(texts, 0, None, EVERY):
        for word in WITHIN.findall(text):
            if word.islower():
                lower[word] += 1
            elif word.istitle():
                upper[normal(word)] += 1
    return frozenset(
        word
        for word, times in upper.items()
        if times + lower[word] >= FEWEST and times > MOSTLY * (times + lower[word])
    )
