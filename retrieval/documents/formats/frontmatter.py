"""Front matter of Markdown: what its writer says about a note, in YAML or TOML.

Read line by line and not by a parser of either: people write it by hand, and one colon too
many makes a YAML file unreadable, which is no reason to lose the tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Between --- (YAML) or +++ (TOML) at the very start.
_BLOCK = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?\n)?(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([\"']?)([^\W\d][\w ./-]{0,60}?)\1[ \t]*[:=](?:[ \t]+|(?=[\"'\[|>])|\Z)(.*)")
_ITEM = re.compile(r"\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^']|'')*)'|([^,\[\]]+))")
_COMMENT = re.compile(r"(?:\A|[ \t])#.*")
_QUOTES = ('"', "'")
_FENCES = ('"""', "'''")
# What people say about a text in words; layout, slugs and switches are left out.
_SAID = frozenset(
    """
    tags tag keywords keyword aliases alias categories category topics topic subject subjects
    description summary subtitle abstract excerpt lead author authors people location place
    etiquetas etiqueta palabras clave categorías categorias categoría categoria temas tema
    descripción descripcion resumen subtítulo subtitulo entradilla autor autora autores personas
    lugar
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The fields of a note that are read.

    said   texts of tags, aliases, descriptions and the like, each with its line
    lines  how many the front matter has, its fences counted; 0 without any
    end    where the text after it begins
    """

    title: str = ""
    date: str = ""
    said: tuple[tuple[int, str], ...] = ()
    lines: int = 0
    end: int = 0


def front_matter(text: str) -> FrontMatter:
    """The front matter at the start of a text, with line feeds alone between its lines."""
    block = _BLOCK.match(text)
    if block is None or not _begins(block[2] or ""):
        return FrontMatter()  # prose between two rules
    fields = list(_fields(block[2]))
    first: dict[str, str] = {}
    for _, name, value in fields:
        first.setdefault(name, ", ".join(_items(value)))
    said = ((number, ", ".join(_items(value))) for number, name, value in fields if name in _SAID)
    return FrontMatter(
        first.get("title", "") or first.get("título", "") or first.get("titulo", ""),
        first.get("date", "") or first.get("fecha", ""),
        tuple((number, words) for number, words in said if words),
        block[0].count("\n"),
        block.end(),
    )


def _begins(block: str) -> bool:
    """Whether the first line that says something is a field, or a table of TOML."""
    lines = (line for line in block.split("\n") if line.strip() and not line.startswith("#"))
    first = next(lines, "")
    return first.startswith("[") or _FIELD.fullmatch(first.rstrip()) is not None


def _fields(block: str) -> Iterator[tuple[int, str, list[str]]]:
    """Line, name in lower case, and the lines of the value of each field."""
    current: tuple[int, str, list[str]] | None = None
    open_brackets = 0
    fence = ""  # of a TOML text of several lines
    for number, line in enumerate(block.split("\n"), start=2):
        bare = line.strip()
        goes_on = (
            fence or open_brackets > 0 or line[:1] in " \t" or bare.startswith("- ") or bare == "-"
        )
        found = None if goes_on else _FIELD.fullmatch(line.rstrip())
        if found:
            if current:
                yield current
            current = (number, found[2].strip().lower(), [found[3]])
            bare = found[3].strip()
            fence = next((one for one in _FENCES if bare.startswith(one)), "")
            if fence and bare.count(fence) > 1:
                fence = ""
        elif current and goes_on:
            current[2].append(line)
            if fence and fence in bare:
                fence = ""
        else:
            continue
        if bare.startswith("[") or open_brackets > 0:
            open_brackets += bare.count("[") - bare.count("]")
    if current:
        yield current


def _items(lines: list[str]) -> list[str]:
    """The words of a value: a text, or the items of a list in brackets or below each other."""
    first = lines[0].strip()
    for fence in _FENCES:
        if first.startswith(fence):
            return [" ".join(" ".join(lines).replace(fence, " ").split())]
    if first.startswith("["):
        return _listed(" ".join(_COMMENT.sub("", line) for line in lines))
    below = [line.strip() for line in lines[1:]]
    if first.rstrip("+-0123456789") in ("|", ">"):
        return [" ".join(filter(None, below))]
    if any(line.startswith("-") for line in below) and not _scalar(first):
        items: list[str] = []
        for line in below:
            if line.startswith("-"):
                items.append(line[1:])
            elif items:
                items[-1] += f" {line}"
        return [one for one in map(_scalar, items) if one]
    whole = _scalar(" ".join([first, *below]))
    return [whole] if whole else []


def _listed(text: str) -> list[str]:
    found = (one[1] or one[2] or (one[3] or "").strip() for one in _ITEM.finditer(text))
    return [one.strip() for one in found if one and one.strip()]


def _scalar(text: str) -> str:
    text = text.strip()
    for quote in _QUOTES:
        if text.startswith(quote) and (end := text.rfind(quote)) > 0:
            return text[1:end].strip()
    return _COMMENT.sub("", text).strip()
