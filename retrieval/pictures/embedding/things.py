"""What a photo may show, by name: from classes to words, and from words to classes.

A thing is a class of the picture embedder, or what several classes are kinds of: a dog is any of
118 breeds. What a photo shows of a thing is the sum of the probabilities of its classes. The names
are those of WordNet, Spanish and English (retrieve.training.pictures.things makes the table).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from retrieve.errors import WeightsError
from retrieve.pictures.embedding.classes import COUNT, DATA
from retrieve.pictures.embedding.shown import Class
from retrieve.text.tokens import plain, words
from retrieve.types import Label

FILE = DATA / "things.tsv"
LANGUAGES = ("es", "en")
LONGEST = 4  # words of a name that are looked for in a query
# Of a label that is shown to people. Of such .95 are right on clear photos of one thing, and four
# in five on everyday photos of people, where half say that somebody wears a tie.
CONFIDENT = 0.5
MOST_LABELS = 3  # of one photo
BEFORE_A_NAME, AFTER_A_NAME = "\t|", "\t|\n"  # in the table


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that photos may show.

    classes  the numbers of its classes
    names    language → its words, the one that people use first; () where it has none
    vague    nobody would say so of a photo: a device, a substance
    """

    classes: frozenset[int]
    names: Mapping[str, tuple[str, ...]]
    vague: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A part of a query that names things.

    text     as it stands in the query
    classes  of all the things that are called so: a coche is a car, and a carriage
    vague    it names no thing that anybody would say of a photo
    """

    text: str
    classes: frozenset[int]
    vague: bool


def named(query: str) -> list[Named]:
    """The parts of a query that name things, the longest first taken, in order."""
    asked, found, at = words(query), list[Named](), 0
    while at < len(asked):
        for length in range(min(LONGEST, len(asked) - at), 0, -1):
            text = " ".join(asked[at : at + length])
            if several := _called(text):
                classes = frozenset[int]().union(*(thing.classes for thing in several))
                found.append(Named(text, classes, all(thing.vague for thing in several)))
                at += length
                break
        else:
            at += 1
    return found


def labels(
    classes: Iterable[Class], language: str = LANGUAGES[0], least: float = CONFIDENT
) -> list[Label]:
    """What a photo shows, surely enough, each thing by its narrowest name, the surest first.

    classes   of the photo, as they are stored
    language  of the words; any other than LANGUAGES is English
    least     lowest probability of a label

    A Labrador of .4 and a beagle of .4 are no Labrador, but a dog.
    """
    spoken = language if language in LANGUAGES else LANGUAGES[1]
    shown = {one.number: one.probability for one in classes}
    table, above = _things(), _above()
    sure: list[tuple[Thing, float]] = []
    for thing in (table[at] for at in sorted({at for number in shown for at in above[number]})):
        if thing.vague or not thing.names[spoken]:
            continue
        total = sum(shown.get(number, 0.0) for number in thing.classes)
        if total >= least and not any(kind.classes <= thing.classes for kind, _ in sure):
            sure.append((thing, min(total, 1.0)))
    best = sorted(sure, key=lambda one: -one[1])[:MOST_LABELS]
    return [Label(thing.names[spoken][0], total) for thing, total in best]


def every_name(language: str = LANGUAGES[0]) -> dict[str, frozenset[int]]:
    """All names of things in a language, each with the classes of all that are called so."""
    found: dict[str, frozenset[int]] = {}
    for thing in _things():
        for name in thing.names[language]:
            found[name] = found.get(name, frozenset()) | thing.classes
    return found


def line_of(thing: Thing) -> str:
    """A thing as a line of the table."""
    numbers = ",".join(map(str, sorted(thing.classes)))
    names = ("|".join(thing.names[language]) for language in LANGUAGES)
    return "\t".join((numbers, "vague" if thing.vague else "", *names))


def _called(text: str) -> Sequence[Thing]:
    """The things of a name, in the singular or the plural, with its accents or without."""
    for form in _forms(plain(text)):
        if found := _of_name(form):
            return found
    return ()


@cache
def _of_name(name: str) -> tuple[Thing, ...]:
    """The things that are called so, without accents; only their lines are read."""
    written, bare = _written()
    found, at = [], -1
    while (at := bare.find(name, at + 1)) >= 0:
        if bare[at - 1] in BEFORE_A_NAME and bare[at + len(name)] in AFTER_A_NAME:
            number = bare.count("\n", 0, at)
            found.append(_thing(written[number]))
            at = bare.index("\n", at)
    return tuple(found)


def _forms(name: str) -> list[str]:
    """A name, then what it may be the plural of, in Spanish and in English."""
    forms = [name]
    for ending, instead in (("ces", "z"), ("ies", "y"), ("es", ""), ("s", "")):
        if name.endswith(ending) and len(name) > len(ending) + 1:
            forms.append(name.removesuffix(ending) + instead)
    if " " in name:  # perros de caza
        first, _, rest = name.partition(" ")
        forms += [f"{form} {rest}" for form in _forms(first)[1:]]
    return forms


@cache
def _written() -> tuple[list[str], str]:
    """The lines of the table, and all of them without accents, each with its end."""
    lines = _lines(FILE)
    return lines, "".join(f"{plain(line)}\n" for line in lines)


@cache
def _above() -> tuple[tuple[int, ...], ...]:
    """Of each class, where the things stand that it is a kind of: the narrowest first."""
    found: list[list[int]] = [[] for _ in range(COUNT)]
    for at, thing in enumerate(_things()):
        for number in thing.classes:
            found[number].append(at)
    return tuple(map(tuple, found))


@cache
def _things() -> tuple[Thing, ...]:
    return read(FILE)


def read(path: Path) -> tuple[Thing, ...]:
    """A table of things; raises WeightsError if it is missing or damaged."""
    try:
        return tuple(map(_thing, _lines(path)))
    except ValueError as error:
        raise _unreadable(path, error) from error


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{path} cannot be read: {error}. Install retrieve again")


def _thing(line: str) -> Thing:
    numbers, vague, *names = line.split("\t")
    classes = frozenset(map(int, numbers.split(",")))
    if len(names) != len(LANGUAGES) or not classes <= frozenset(range(COUNT)):
        raise ValueError(f"no thing of the table: {line[:40]!r}")
    each = (tuple(filter(None, some.split("|"))) for some in names)
    return Thing(classes, dict(zip(LANGUAGES, each, strict=True)), vague == "vague")
