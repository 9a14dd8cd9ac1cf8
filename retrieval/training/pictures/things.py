"""What a photo may show, by name: the table of things that ships.

    python -m retrieve.training.pictures.things KNOWLEDGE [--out FILE]

KNOWLEDGE is a folder with the Spanish WordNet (retrieve.training.words.wordnet says what lies in
it). A thing is a synset with a class of the picture embedder below it: the class itself, or what
several classes are kinds of. A thing that a thousand classes are, as an object, says nothing and is
left out.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from retrieve.cache import replacing
from retrieve.pictures.embedding.classes import synsets
from retrieve.pictures.embedding.things import FILE, Thing, line_of
from retrieve.text.encoders.encode import shipped
from retrieve.text.tokens import normal
from retrieve.text.words.vectors import open_vectors
from retrieve.training.words.wordnet import WordNet, read

MOST_CLASSES = 160  # of a thing: 118 are dogs, 218 mammals
# By their first English words: nothing that one would say of a photo, for what holds its kinds
# together is no look.
VAGUE = frozenset(
    """
    abstraction; accessory; adornment; adult; agent; apparatus; appliance; area; article;
    associate; attachment; attribute; bar; barrier; canine; carnivore; causal agent; circle;
    clothing; commodity; communication; concoction; connection; consumer goods; container;
    conveyance; covering; creation; data input device; defensive structure; design; device;
    diapsid; disk; domestic animal; drug; durables; edge tool; equipment; establishment;
    excavation; fare; feed; foodstuff; framework; furnishing; game equipment; garment; gear;
    geological formation; housing; implement; ingredient; institution; instrument; location;
    male; material; matter; measuring instrument; mechanical device; mechanism; memory
    device; natural depression; natural elevation; natural object; nutriment; obstruction;
    part; participant; peer; peripheral; person; piece; piece of work; plant organ; plant
    part; plate; point; produce; product; product line; protective covering; publication;
    receptacle; relation; reproductive structure; restraint; rig; rod; shape; signal; solid;
    sphere; structure; substance; support; surface; system; work
    """.replace("\n    ", " ")
    .strip()
    .split("; ")
)


def things(wordnet: WordNet, common: dict[str, int]) -> list[Thing]:
    """The table: the narrowest things first, of these the lowest in WordNet.

    common  words → their rank in a vocabulary, 0 for the commonest
    """
    above = defaultdict(list)
    for edge in wordnet.edges:
        if edge.relation == "hypernym":
            above[edge.source].append(edge.target)
    classes: defaultdict[str, set[int]] = defaultdict(set)
    depth: dict[str, int] = {}
    for number, name in enumerate(synsets()):
        waiting = [(wordnet.offsets[f"{name[1:]}-{name[0]}"], 0)]
        while waiting:
            synset, steps = waiting.pop()
            depth[synset] = max(steps, depth.get(synset, 0))
            if number not in classes[synset]:
                classes[synset].add(number)
                waiting += [(upper, steps + 1) for upper in above[synset]]
    found = []
    for synset in sorted(classes, key=lambda one: (len(classes[one]), depth[one], one)):
        numbers = frozenset(classes[synset])
        english = [normal(word.replace("_", " ")) for word in wordnet.english[synset]]
        spanish = _ordered(wordnet.lemmas.get(synset, ()), wordnet.agreed.get(synset, ()), common)
        if len(numbers) <= MOST_CLASSES and (spanish or english):
            vague = bool(english) and english[0] in VAGUE
            found.append(Thing(numbers, {"es": tuple(spanish), "en": tuple(english)}, vague))
    return found


def _ordered(lemmas: Iterable[str], agreed: Iterable[str], common: dict[str, int]) -> list[str]:
    """The words of a synset: what two sources say first, then the commoner; no names in Latin,
    where there is a common word.
    """
    both = frozenset(agreed)
    never = len(common)
    return sorted(lemmas, key=lambda one: (one not in both, common.get(one, never)))


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("knowledge", type=Path)
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    vectors = open_vectors(shipped("es"))
    common = {word: rank for rank, word in enumerate(vectors.words)}
    table = things(read(options.knowledge), common)
    with replacing(options.out) as part:
        part.write_text("".join(line_of(thing) + "\n" for thing in table), encoding="utf-8")
    sys.stdout.write(f"{len(table):,} things into {options.out}\n")


class _Plain(argparse.RawDescriptionHelpFormatter):
    pass


if __name__ == "__main__":
    main()
