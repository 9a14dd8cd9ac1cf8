"""Translated messages and manuals of free programs → sentences by language.

A folder holds unpacked packages, in any arrangement; what lies there is known by its path:

    langpack-LOCALE@….xpi             strings of Firefox: Fluent and properties in a ZIP file
    resource/LOCALE/LC_MESSAGES/*.mo  messages of LibreOffice, as gettext compiles them
    usr/share/help/LOCALE/**/*.page   manuals of GNOME, in Mallard
    declaration/CODE.html             the Universal Declaration of Human Rights
    translated/CODE.txt               sentences that translated.py made, with a star before each
                                      word that was not translated, where they are cut

Languages are named by ISO 639-3. What stands in two languages alike (a name, a message that
nobody translated) is left out of both, and so is what is mostly English elsewhere: catalogues hold
messages of which only a word was translated.
"""

from __future__ import annotations

import gettext
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path

from retrieve.errors import BadInput

LOCALES = {
    "ast": "ast", "ca": "cat", "cat": "cat", "de": "deu", "deu_1996": "deu",
    "C": "eng", "en-GB": "eng", "en_GB": "eng", "eng": "eng", "fr": "fra", "fra": "fra",
    "gl": "glg", "glg": "glg", "it": "ita", "ita": "ita", "nl": "nld", "nld": "nld",
    "oc": "oci", "oci": "oci", "lnc": "oci", "prv": "oci", "pt": "por", "pt-PT": "por",
    "pt-BR": "por", "pt_BR": "por", "por": "por", "por_BR": "por", "por_PT": "por", "ro": "ron",
    "ron_2006": "ron", "es": "spa", "es-ES": "spa", "spa": "spa",
}  # fmt: skip
TRANSLATED = "translated"
SOURCES = ("firefox", "gnome", "libreoffice", "rights", TRANSLATED)
FEWEST_LETTERS = 12  # of a sentence: a shorter one is often a name or a key
ENGLISH = "eng"
MOSTLY = 0.5  # of its pairs of words that English messages have: it is English, not translated
UNTRANSLATED = re.compile(r"\S*[*#@\\]\S*")  # how Apertium marks a word
WORD = re.compile(r"[^\W\d_]+")
MARKUP = re.compile(r"<[^>]*>")
PLACEHOLDER = re.compile(r"\{[^{}]*\}|%\d*\$?[-\w]+%?|\$\w+|&\w+;|https?:\S+|\\[nt]")
MNEMONIC = re.compile(r"[_~&](?=\w)")  # marks the key of a menu: "_Ficheru"
BLANKS = re.compile(r"\s+")
LETTER = re.compile(r"[^\W\d_]")
FLUENT = re.compile(r"\s*(?:[-\w.]+\s*=|\*?\[[-\w]+\])\s*(.*)")
CLAUSE = re.compile(r"\{[^{}]*->")  # opens the cases of a plural
NOT_TEXT = (".accesskey", ".key", ".style", ".commandkey")


def sentences(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Language → source → sentences, each once, in an order that only their files decide.

    raises  BadInput if nothing of that kind lies below the folder, or a file is broken
    """
    found = _read(folder, lambda source, locale: LOCALES.get(locale))
    if not found:
        raise BadInput(
            f"wanted unpacked packages with translated messages; {folder} holds none. "
            "The model card says which"
        )
    counts = Counter(text for kept in found.values() for text in kept)
    messages = (text for text, source in found.get(ENGLISH, {}).items() if source != TRANSLATED)
    english = _pairs_of(messages)
    sorted_out: dict[str, dict[str, list[str]]] = {}
    for language in sorted(found):
        by_source: dict[str, list[str]] = {source: [] for source in SOURCES}
        for text, source in found[language].items():
            if counts[text] == 1 and (language == ENGLISH or not _mostly(text, english)):
                by_source[source].append(text)
        sorted_out[language] = by_source
    return sorted_out


def others(folder: Path) -> dict[str, list[str]]:
    """Locale → strings of Firefox in it, for locales of all other languages; {} without any.

    raises  BadInput if a file is broken
    """
    found = _read(folder, _other)
    english = _pairs_of(_read(folder, _english).get(ENGLISH, ()))
    counts = Counter(text for kept in found.values() for text in kept)
    return {
        locale: [text for text in kept if counts[text] == 1 and not _mostly(text, english)]
        for locale, kept in found.items()
    }


def _english(source: str, locale: str) -> str | None:
    return ENGLISH if source == "firefox" and LOCALES.get(locale) == ENGLISH else None


def _pairs(text: str) -> list[tuple[str, str]]:
    words = WORD.findall(text.lower())
    return [*pairwise(words)]


def _pairs_of(texts: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Words of English that stand beside each other."""
    return frozenset(pair for text in texts for pair in _pairs(text))


def _mostly(text: str, english: frozenset[tuple[str, str]]) -> bool:
    """Whether a text is made of such pairs: near languages share words, seldom two in a row."""
    pairs = _pairs(text)
    return bool(pairs) and sum(pair in english for pair in pairs) >= MOSTLY * len(pairs)


def _other(source: str, locale: str) -> str | None:
    """The locale, where it is of a language pack in none of the twelve languages."""
    known = locale in LOCALES or locale.split("-")[0] in LOCALES
    return locale if source == "firefox" and not known else None


def _read(folder: Path, name: Callable[[str, str], str | None]) -> dict[str, dict[str, str]]:
    """What `name` calls a source and a locale → sentence → source; None is left out."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(folder.rglob("*")):
        source, locale = _kind(path)
        language = name(source, locale)
        if language is None:
            continue
        kept = found.setdefault(language, {})
        try:
            for text in _texts(path, language == ENGLISH):
                for one in _clean(text):
                    kept.setdefault(one, source)
        except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
            raise BadInput(f"cannot read {path}: {error}") from error
    return found


def _kind(path: Path) -> tuple[str, str]:
    """The source and the locale that a path tells; two empty strings for anything else."""
    parts = path.parts
    if path.suffix == ".xpi" and path.name.startswith("langpack-"):
        return "firefox", path.name.removeprefix("langpack-").split("@")[0]
    if path.suffix == ".mo" and "LC_MESSAGES" in parts:
        return "libreoffice", parts[parts.index("LC_MESSAGES") - 1]
    if path.suffix == ".page" and "help" in parts:
        return "gnome", parts[parts.index("help") + 1]
    if path.suffix == ".html" and path.parent.name == "declaration":
        return "rights", path.stem
    if path.suffix == ".txt" and path.parent.name == TRANSLATED:
        return TRANSLATED, path.stem
    return "", ""


def _texts(path: Path, english: bool) -> Iterator[str]:
    """Texts of a file; in English a message that equals its source is one too."""
    if path.suffix == ".xpi":
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".ftl"):
                    yield from _fluent(archive.read(name).decode())
                elif name.endswith(".properties"):
                    yield from _properties(archive.read(name).decode())
    elif path.suffix == ".mo":
        with path.open("rb") as file:
            catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        for key, text in catalogue.items():
            source = key[0] if isinstance(key, tuple) else key
            if source and (english or text != source.split("\x04")[-1]):
                yield text
    elif path.suffix == ".txt":
        for line in path.read_text("utf-8").splitlines():
            yield from UNTRANSLATED.split(line)
    else:
        page = path.read_text("utf-8")
        body = page[page.find("</info>") :] if path.suffix == ".page" else page
        yield from re.findall(r"<(?:p|title)[ >].*?</(?:p|title)>", body, re.DOTALL)


def _fluent(text: str) -> Iterator[str]:
    """The values of a Fluent file; lines that go on belong to the value before them."""
    value = ""
    for line in [*text.splitlines(), "end ="]:
        starts = FLUENT.fullmatch(line)
        if not starts and line.startswith((" ", "\t")):
            value += " " + line.strip(" \t}")
            continue
        if not CLAUSE.search(value):
            yield value
        value = starts[1] if starts and not line.strip().startswith(NOT_TEXT) else ""


def _properties(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if "=" in line and not line.lstrip().startswith("#"):
            yield line.split("=", 1)[1]


def _clean(text: str) -> Iterator[str]:
    """The text without markup and placeholders, where enough is left of it."""
    plain = unescape(MARKUP.sub("", text))
    plain = MNEMONIC.sub("", PLACEHOLDER.sub(" ", plain))
    plain = BLANKS.sub(" ", plain).strip()
    if len(LETTER.findall(plain)) >= FEWEST_LETTERS:
        yield plain
