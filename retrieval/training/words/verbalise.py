"""The WordNet graph as text: random walks, relations in words, lists by subject.

What stands near in the graph then stands near in the text, and one training learns from
both. Source: Goikoetxea et al. 2015, "Random walks and neural network language models on
knowledge bases".
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from retrieve.text.tokens import words
from retrieve.training.words.wordnet import WordNet

WALKS_PER_SYNSET = 12
STOP_CHANCE = 0.1  # mean length ten words; Goikoetxea et al. stop with .15
LISTINGS = 20  # times each list by subject is shuffled and written out

PHRASES = {
    "hypernym": "{a} es un tipo de {b}",
    "similar": "{a} es parecido a {b}",
    "antonym": "{a} es lo contrario de {b}",
    "mero_part": "{b} es una parte de {a}",
    "mero_member": "{b} es miembro de {a}",
    "mero_substance": "{a} está hecho de {b}",
    "domain_topic": "{a} se usa en {b}",
    "causes": "{a} causa {b}",
    "entails": "{a} implica {b}",
    "attribute": "{a} tiene que ver con {b}",
    "pertainym": "{a} es relativo a {b}",
}

# Tables of facts rather than lists of words: they belong to `facts`, which can be left out.
FACT_TABLES = ("countries_with_capitals", "familyRelations")


def walks(wordnet: WordNet, seed: int, per_synset: int = WALKS_PER_SYNSET) -> Iterator[str]:
    """Lines of Spanish words met on random walks; a sense without one is crossed silently."""
    neighbours: defaultdict[str, list[str]] = defaultdict(list)
    for edge in wordnet.edges:
        neighbours[edge.source].append(edge.target)
        neighbours[edge.target].append(edge.source)
    generator = np.random.default_rng(seed)
    for _ in range(per_synset):
        for start in wordnet.lemmas:
            here, line = start, list[str]()
            while True:
                if spoken := wordnet.lemmas.get(here):
                    line.append(spoken[int(generator.integers(len(spoken)))])
                onward = neighbours.get(here)
                if not onward or generator.random() < STOP_CHANCE:
                    break
                here = onward[int(generator.integers(len(onward)))]
            if len(line) > 1:
                yield " ".join(line)


def relations(wordnet: WordNet, seed: int) -> Iterator[str]:
    """One sentence an edge between Spanish words, one line a synset with synonyms."""
    generator = np.random.default_rng(seed)
    for lemmas in wordnet.lemmas.values():
        if len(lemmas) > 1:
            yield " ".join(lemmas)
    for edge in wordnet.edges:
        sources, targets = wordnet.lemmas.get(edge.source), wordnet.lemmas.get(edge.target)
        if sources and targets and edge.relation in PHRASES:
            source = sources[int(generator.integers(len(sources)))]
            target = targets[int(generator.integers(len(targets)))]
            yield PHRASES[edge.relation].format(a=source, b=target)


def glosses(folder: Path) -> Iterator[str]:
    """The Spanish definitions of WordNet's senses."""
    yield from (folder / "mcr_glosas_es.txt").read_text("utf-8").splitlines()


def subjects(folder: Path, seed: int) -> Iterator[str]:
    """The word lists by subject, shuffled, each line led by what the list is called."""
    generator = np.random.default_rng(seed)
    for path in sorted((folder / "todosloscorpus" / "data").rglob("*")):
        if path.stem in FACT_TABLES or path.suffix not in (".json", ".txt"):
            continue
        text = path.read_text("utf-8", errors="replace")
        try:
            entries = (
                list(_strings(json.loads(text))) if path.suffix == ".json" else text.split("\n")
            )
        except json.JSONDecodeError:
            continue  # a list of the collection that is not valid JSON
        entries = [" ".join(words(entry)) for entry in entries]
        short = [entry for entry in entries if 0 < len(entry.split()) <= 3]
        for _ in range(LISTINGS):
            order = generator.permutation(len(short))
            for start in range(0, len(order), 10):
                yield " ".join(short[i] for i in order[start : start + 10])


def _strings(value: Any) -> Iterator[str]:
    """Every text inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
