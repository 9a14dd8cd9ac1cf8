"""The Spanish WordNet as a graph: which words share a sense, and how senses hang together.

Spanish lemmas are keyed by Princeton WordNet 3.0 offsets (Multilingual Central Repository,
Wiktionary, CLDR); relations come from the Open English WordNet; the interlingual index
joins the two. Source: Gonzalez-Agirre et al. 2012, "Multilingual Central Repository 3.0";
McCrae et al. 2020, "English WordNet 2020"; Bond et al. 2016, "CILI".
"""

from __future__ import annotations

import lzma
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieve.errors import BadInput
from retrieve.extras import optional
from retrieve.text.tokens import words

LEMMAS = ("wn-data-spa.tab", "wn-wikt-spa.tab", "wn-cldr-spa.tab")
GRAPH = "oewn.tar.xz"
INDEX = "ili-map-pwn30.tab.xz"

SENSE_RELATIONS = ("antonym", "derivation", "pertainym", "participle")
SYNSET_RELATIONS = (
    "hypernym",
    "similar",
    "attribute",
    "also",
    "causes",
    "entails",
    "mero_part",
    "mero_member",
    "mero_substance",
    "domain_topic",
    "exemplifies",
)


@dataclass(frozen=True, slots=True)
class Edge:
    """source –relation→ target, between synsets of the Open English WordNet."""

    relation: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class WordNet:
    """lemmas: the Spanish words of each synset, the first source's first; edges between all
    synsets, also those without a Spanish word; persons: the synsets that name people."""

    lemmas: dict[str, list[str]]
    edges: list[Edge]
    persons: frozenset[str]

    def single_words(self, part_of_speech: str) -> frozenset[str]:
        """The one-word lemmas of a part of speech: n, v, a or r."""
        return frozenset(
            lemma
            for synset, lemmas in self.lemmas.items()
            if synset[-1].replace("s", "a") == part_of_speech
            for lemma in lemmas
            if " " not in lemma
        )


def read(folder: Path) -> WordNet:
    """The graph from a folder that holds the three sources; raises BadInput if one is missing."""
    missing = [name for name in (*LEMMAS, GRAPH, INDEX) if not (folder / name).is_file()]
    if missing:
        raise BadInput(f"wanted the Spanish WordNet in {folder}; missing: {', '.join(missing)}")
    synset_of: dict[str, str] = {}  # interlingual index → synset
    senses: dict[str, str] = {}  # sense → synset
    sense_edges: list[Edge] = []
    edges: list[Edge] = []
    persons = set()
    for name, content in _yaml_files(folder / GRAPH):
        if name.startswith("entries-"):
            for sense in _senses(content):
                senses[sense["id"]] = sense["synset"]
                sense_edges.extend(
                    Edge(relation, sense["id"], target)
                    for relation in SENSE_RELATIONS
                    for target in sense.get(relation, ())
                )
            continue
        if "." not in name:
            continue  # frames.yaml: sentence frames of verbs
        for synset, entry in content.items():
            if "ili" in entry:
                synset_of[entry["ili"]] = synset
            if name == "noun.person":
                persons.add(synset)
            edges.extend(
                Edge(relation, synset, target)
                for relation in SYNSET_RELATIONS
                for target in entry.get(relation, ())
            )
    edges.extend(
        Edge(edge.relation, senses[edge.source], senses[edge.target])
        for edge in sense_edges
        if edge.target in senses
    )
    lemmas = _lemmas(folder, synset_of)
    return WordNet(lemmas, sorted(set(edges), key=_order), frozenset(persons))


def _order(edge: Edge) -> tuple[str, str, str]:
    return edge.relation, edge.source, edge.target


def _lemmas(folder: Path, synset_of: dict[str, str]) -> dict[str, list[str]]:
    offsets: dict[str, str] = {}
    with lzma.open(folder / INDEX, "rt", encoding="utf-8") as file:
        for line in file:
            ili, offset = line.split()
            if ili in synset_of:
                offsets[offset.replace("-s", "-a")] = synset_of[ili]
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for name in LEMMAS:
        for line in (folder / name).read_text("utf-8").splitlines():
            fields = line.split("\t")
            if len(fields) >= 3 and fields[0] in offsets and fields[1].endswith("lemma"):
                lemma = " ".join(words(fields[2].replace("_", " ")))
                if lemma:
                    found[offsets[fields[0]]][lemma] = None
    return {synset: list(lemmas) for synset, lemmas in sorted(found.items())}


def _senses(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for parts in content.values():
        for part in parts.values():
            yield from part["sense"]


def _yaml_files(archive: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with optional("reading WordNet"):
        import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            file = tar.extractfile(member) if member.name.endswith(".yaml") else None
            if file:
                yield Path(member.name).stem, yaml.load(file, loader)
