"""How well what photos show is named, on photos of which it is known.

The likeliest class and the likeliest five are counted as ImageNet's contest does (Russakovsky et
al. 2015); a word's photos are ranked by its probability and measured by average precision; labels
are what people are shown, where the network is sure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrieve.errors import BadInput
from retrieve.evaluation.verification import Rate, rate
from retrieve.pictures.embedding.classes import COUNT, synsets
from retrieve.pictures.embedding.shown import Class
from retrieve.pictures.embedding.things import every_name, labels, named

MOST_CLASSES = 60  # of a word whose ranking is measured: of wider ones half of all photos are right
CONFUSIONS = 20
NOTHING = ""  # in place of a label where none is sure


@dataclass(frozen=True, slots=True)
class Looked:
    """A photo of which it is known what it shows.

    truth    numbers of the classes that would be right: one, or all that a word stands for
    classes  that the network sees, the likeliest first
    """

    truth: frozenset[int]
    classes: Sequence[Class]


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many photos of a thing are called something else; shown is "" for nothing."""

    truth: str
    shown: str
    photos: int


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured.

    first, five     photos whose class is the likeliest, and among the likeliest five
    words           names of the photos' things whose rankings were measured
    precision       mean average precision of these words; None without any
    right           labels that name what is shown, of all labels; None where none is sure
    labelled        photos with a right label, of all photos
    confusions      the commonest first
    """

    first: Rate
    five: Rate
    words: int
    precision: float | None
    right: Rate | None
    labelled: Rate
    confusions: tuple[Confusion, ...]


def truth_of(said: str) -> frozenset[int]:
    """The classes that a label stands for: a synset, as n02084071, or a word.

    raises  BadInput for what names nothing that the network knows
    """
    text = said.strip()
    if text in synsets():
        return frozenset({synsets().index(text)})
    found = named(text)
    if len(found) == 1 and found[0].text == " ".join(text.lower().split()):
        return found[0].classes
    raise BadInput(
        f"{said!r} is nothing that the network tells apart. Wanted a synset of its {COUNT:,} "
        "classes, as n02123045, or a word for some of them: retrieve labels shows words"
    )


def measure(photos: Sequence[Looked], language: str = "es") -> Found:
    """How well the things in some photos are named; raises BadInput without a photo."""
    if not photos:
        raise BadInput("wanted photos of which it is said what they show; got none")
    n = len(photos)
    first = sum(_is_among(one, 1) for one in photos)
    five = sum(_is_among(one, 5) for one in photos)
    named_so = every_name(language)
    told = [labels(one.classes, language) for one in photos]
    told_right = [
        [bool(named_so[label.word] & one.truth) for label in some]
        for some, one in zip(told, photos, strict=True)
    ]
    every = sum(map(len, told))
    words = names_above(photos, language)
    precisions = [
        precision for word in words if (precision := _precision(word, photos)) is not None
    ]
    confusions: Counter[tuple[str, str]] = Counter()
    for one, some, right in zip(photos, told, told_right, strict=True):
        if not any(right):
            shown = some[0].word if some else NOTHING
            confusions[_called(one.truth, language), shown] += 1
    return Found(
        rate(first, n),
        rate(five, n),
        len(precisions),
        sum(precisions) / len(precisions) if precisions else None,
        rate(sum(map(sum, told_right)), every) if every else None,
        rate(sum(map(any, told_right)), n),
        tuple(
            Confusion(*pair, count)
            for pair, count in sorted(confusions.items(), key=lambda one: (-one[1], one[0]))
        )[:CONFUSIONS],
    )


def average_precision(right: Sequence[bool], of: int) -> float:
    """Of a ranking: the mean of the precision at each right place, those that were not found 0.

    of  how many are right in all
    """
    hits, total = 0, 0.0
    for place, one in enumerate(right, 1):
        if one:
            hits += 1
            total += hits / place
    return total / of


def _is_among(one: Looked, most: int) -> bool:
    return bool(one.truth & {shown.number for shown in one.classes[:most]})


def names_above(photos: Iterable[Looked], language: str) -> list[str]:
    """All names of the photos' own things and of what stands above them, in a language."""
    shown = frozenset[int]().union(*(one.truth for one in photos))
    return sorted(word for word, numbers in every_name(language).items() if numbers & shown)


def right_for(word: str, photos: Sequence[Looked]) -> list[bool] | None:
    """Which photos show what a word names: whose every right class it stands for.

    returns  (N,), one a photo; None where the word is too wide to be measured, or no photo shows it
    """
    found = named(word)
    if len(found) != 1 or len(found[0].classes) > MOST_CLASSES:
        return None
    right = [one.truth <= found[0].classes for one in photos]
    return right if any(right) else None


def _precision(word: str, photos: Sequence[Looked]) -> float | None:
    """Average precision of the ranking by a word; None where it is not measured."""
    right = right_for(word, photos)
    if right is None:
        return None
    (thing,) = named(word)
    scores = [
        sum(shown.probability for shown in one.classes if shown.number in thing.classes)
        for one in photos
    ]
    found = [at for at, score in enumerate(scores) if score > 0]
    ranking = sorted(found, key=lambda at: -scores[at])
    return average_precision([right[at] for at in ranking], sum(right))


def _called(truth: frozenset[int], language: str) -> str:
    """What a thing is called, however few words it has."""
    for spoken in (language, "en"):
        found = labels([Class(number, 1 / len(truth)) for number in truth], spoken, least=0.99)
        if found:
            return found[0].word
    return synsets()[min(truth)]
