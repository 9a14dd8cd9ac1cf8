"""Derived forms from UniMorph: claro → claramente, Chiapas → chiapaneco.

Source: Batsuren et al. 2022, "UniMorph 4.0".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retrieval.text.inflection import Form
from retrieval.text.tokens import normal


def read(folder: Path) -> Iterator[Form]:
    """Base, derived form and the rule: parts of speech with the affix.

    Adjectives of places (a capitalised base) share one rule, whatever their ending: what
    `-és` and `-ano` mean there is the same.
    """
    for line in (folder / "spa.derivations").read_text("utf-8").splitlines():
        base, form, parts, affix = line.split("\t")
        rule = "gentilicio" if base[:1].isupper() and parts == "N:ADJ" else f"{parts} {affix}"
        yield Form(normal(base), normal(form), rule)
