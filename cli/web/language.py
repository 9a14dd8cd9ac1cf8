"""In which language a page speaks: what the browser asks for, of those that there are.

What is written in the templates is English; locale/LANGUAGE/LC_MESSAGES/pages.po has the others,
and beside it pages.mo, which `make translations` makes of it. Sentences of the command line,
errors among them, are as the command line says them.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

LOCALE = Path(__file__).with_name("locale")
DOMAIN = "pages"
WRITTEN = "en"  # in the templates
LANGUAGES = (WRITTEN, "es")
LONGEST = 500  # characters of a header that are looked at


def wanted(accepted: str) -> str:
    """The language that an Accept-Language header likes best, of LANGUAGES; else WRITTEN.

    Source: RFC 9110, section 12.5.4; `es-ES` asks for Spanish.
    """
    liked: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted[:LONGEST].split(",")):
        tag, _, weight = part.partition(";")
        name = tag.strip().lower().partition("-")[0]
        try:
            likes = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            continue
        if likes > 0 and (name in LANGUAGES or name == "*"):
            liked.append((-likes, place, WRITTEN if name == "*" else name))
    return min(liked)[2] if liked else WRITTEN


@cache
def translations(language: str) -> NullTranslations:
    """What templates are translated by."""
    if language == WRITTEN:
        return NullTranslations()
    with (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        return GNUTranslations(file)
