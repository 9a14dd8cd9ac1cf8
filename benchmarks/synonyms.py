"""Whether word vectors may lead a word that names no thing in photos to one that does, chucho to
perro: python -m benchmarks.synonyms KNOWLEDGE

Held to two lists of words that the table of things lacks: common Spanish nouns of WordNet (the
folder KNOWLEDGE), right where they are taken for a kind, or for what they are a kind of; and
synonyms.tsv, colloquial words that were written down before any answer was looked at. Nouns of
WordNet that stand below no thing are to be taken for none.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from retrieve.pictures.embedding import things
from retrieve.pictures.embedding.classes import synsets
from retrieve.pictures.embedding.measured import MOST_CLASSES
from retrieve.pictures.embedding.things import every_name, named
from retrieve.text.encoders.encode import shipped
from retrieve.text.words.vectors import WordVectors, open_vectors
from retrieve.training.words.wordnet import WordNet, read

COLLOQUIAL = Path(__file__).with_suffix(".tsv")
THRESHOLDS = (0.5, 0.6, 0.7, 0.8)
COMMON = 20_000  # rank of a noun that people would type: rarer ones are Latin names, mostly
NOTHING = frozenset[int]()

Truth = Mapping[str, frozenset[int]]  # word → the classes that it stands for, none where no thing


@dataclass(frozen=True, slots=True)
class Led:
    """A word that names no thing, and the name of a thing that is nearest to it."""

    word: str
    name: str
    cosine: float


def main() -> None:
    """Print how often the nearest name is right, by the lowest cosine that is believed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("knowledge", type=Path)
    knowledge = parser.parse_args().knowledge
    vectors = open_vectors(shipped("es"))
    kinds, others = of_wordnet(read(knowledge), vectors)
    for told, truth in (
        ("nouns of WordNet below a thing", kinds),
        ("colloquial words", colloquial(vectors)),
        ("nouns below no thing", others),
    ):
        found = nearest(list(truth), vectors)
        for least in THRESHOLDS:
            taken = [one for one in found if one.cosine >= least]
            right = sum(_right(one.name, truth[one.word]) for one in taken)
            print(f"{told}, {len(truth)}, cosine {least}: taken {len(taken)}, right {right}")
        shown = sorted(found, key=lambda one: -one.cosine)[:12]
        print("  " + ", ".join(f"{one.word} {one.name} {one.cosine:.2f}" for one in shown))


def of_wordnet(wordnet: WordNet, vectors: WordVectors) -> tuple[Truth, Truth]:
    """Common nouns that name no thing: those below one, each with its classes, and the others."""
    above = defaultdict(list)
    for edge in wordnet.edges:
        if edge.relation == "hypernym":
            above[edge.source].append(edge.target)
    classes: defaultdict[str, set[int]] = defaultdict(set)
    for number, name in enumerate(synsets()):
        waiting = [wordnet.offsets[f"{name[1:]}-{name[0]}"]]
        while waiting:
            synset = waiting.pop()
            if number not in classes[synset]:
                classes[synset].add(number)
                waiting += above[synset]
    sure = frozenset(
        thing.classes
        for thing in things.read(things.FILE)
        if not thing.vague and len(thing.classes) <= MOST_CLASSES
    )
    is_named = cache(lambda word: bool(named(word)))
    found: defaultdict[str, set[int]] = defaultdict(set)
    for synset, lemmas in wordnet.lemmas.items():
        if not synset.endswith("-n"):
            continue
        numbers = _lowest(synset, above, classes, sure)
        for lemma in lemmas:
            rank = vectors.row(lemma)
            if " " not in lemma and rank is not None and rank < COMMON and not is_named(lemma):
                found[lemma] |= numbers
    below = {word: frozenset(numbers) for word, numbers in sorted(found.items())}
    return (
        {word: numbers for word, numbers in below.items() if numbers},
        {word: numbers for word, numbers in below.items() if not numbers},
    )


def _lowest(
    synset: str,
    above: Mapping[str, Sequence[str]],
    classes: Mapping[str, Iterable[int]],
    sure: frozenset[frozenset[int]],
) -> frozenset[int]:
    """The classes of the nearest synset above that has some, if one would look for it in photos."""
    level = [synset]
    while level:
        several = [frozenset(classes[one]) for one in level if one in classes]
        if several:
            looked_for = [one for one in several if one in sure]
            return looked_for[0] if looked_for else NOTHING
        level = [upper for one in level for upper in above.get(one, ())]
    return NOTHING


def colloquial(vectors: WordVectors) -> Truth:
    """Those words of the list that name no thing themselves."""
    rows = (line.split("\t") for line in COLLOQUIAL.read_text("utf-8").splitlines())
    pairs = [(word, named(meant)) for word, meant in rows if not named(word)]
    return {word: meant[0].classes for word, meant in pairs if len(meant) == 1 and word in vectors}


def nearest(words: Sequence[str], vectors: WordVectors) -> list[Led]:
    """The nearest name of a thing to each word."""
    names = [name for name in every_name("es") if " " not in name and name in vectors]
    names = [name for name in names if not named(name)[0].vague]
    rows = vectors.embed(map(vectors.find, names))
    cosines = vectors.embed(map(vectors.find, words)) @ rows.T
    best = cosines.argmax(axis=1)
    return [
        Led(word, names[at], float(cosines[i, at]))
        for i, (word, at) in enumerate(zip(words, best.tolist(), strict=True))
    ]


def _right(name: str, truth: frozenset[int]) -> bool:
    (thing,) = named(name)
    return bool(truth) and (thing.classes <= truth or truth <= thing.classes)


if __name__ == "__main__":
    main()
