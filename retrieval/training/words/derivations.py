"""Derived forms from UniMorph: claro → claramente, Chiapas → chiapaneco.

Source: Batsuren et al. 2022, "UniMorph 4.0".
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from retrieve.extras import optional
from retrieve.text.tokens import normal
from retrieve.text.words import inflection
from retrieve.text.words.inflection import Form

DEMONYM = "gentilicio"


def read(folder: Path) -> Iterator[Form]:
    """Base, derived form and the rule: parts of speech with the affix.

    Adjectives of places (a capitalised base) share one rule, whatever their ending: what
    `-és` and `-ano` mean there is the same.
    """
    for line in (folder / "spa.derivations").read_text("utf-8").splitlines():
        base, form, parts, affix = line.split("\t")
        rule = DEMONYM if base[:1].isupper() and parts == "N:ADJ" else f"{parts} {affix}"
        yield Form(normal(base), normal(form), rule)


def demonyms(vocabulary: Container[str]) -> list[Form]:
    """Country and inhabitant by rule, for the countries that CLDR names in Spanish."""
    with optional("the tables of facts"):
        from babel import Locale

    territories = Locale("es").territories
    countries = [normal(name) for code, name in sorted(territories.items()) if code.isalpha()]
    return [
        Form(country, form, DEMONYM)
        for country in countries
        if country in vocabulary
        for form in dict.fromkeys(inflection.demonyms(country))
        if form in vocabulary and form != country
    ]
