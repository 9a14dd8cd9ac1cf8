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
    synsets, also those without a Spanish word; persons: the synsets that name people; english:
    the English words of each synset; agreed: the Spanish ones that two sources give; offsets:
    synsets by their offsets in WordNet 3.0, as 02084071-n."""

    lemmas: dict[str, list[str]]
    edges: list[Edge]
    persons: frozenset[str]
    english: dict[str, list[str]]
    agreed: dict[str, frozenset[str]]
    offsets: dict[str, str]

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
    english: dict[str, list[str]] = {}
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
            english[synset] = list(entry.get("members", ()))
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
    offsets = _offsets(folder, synset_of)
    lemmas, agreed = _lemmas(folder, offsets)
    ordered = sorted(set(edges), key=_order)
    return WordNet(lemmas, ordered, frozenset(persons), english, agreed, offsets)


def _order(edge: Edge) -> tuple[str, str, str]:
    return edge.relation, edge.source, edge.target


def _offsets(folder: Path, synset_of: dict[str, str]) -> dict[str, str]:
    offsets: dict[str, str] = {}
    with lzma.open(folder / INDEX, "rt", encoding="utf-8") as file:
        for line in file:
            ili, offset = line.split()
            if ili in synset_of:
                offsets[offset.replace("-s", "-a")] = synset_of[ili]
    return offsets


def _lemmas(
    folder: Path, offsets: dict[str, str]
) -> tuple[dict[str, list[str]], dict[str, frozenset[str]]]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name in LEMMAS:
        said: set[tuple[str, str]] = set()
        for line in (folder / name).read_text("utf-8").splitlines():
            fields = line.split("\t")
            if len(fields) >= 3 and fields[0] in offsets and fields[1].endswith("lemma"):
                lemma = " ".join(words(fields[2].replace("_", " ")))
                if lemma:
                    said.add((offsets[fields[0]], lemma))
                    found[offsets[fields[0]]].setdefault(lemma, 0)
        for synset, lemma in said:
            found[synset][lemma] += 1
    lemmas = {synset: list(sources) for synset, sources in sorted(found.items())}
    agreed = {
        synset: frozenset(lemma for lemma, count in sources.items() if count > 1)
        for synset, sources in found.items()
    }
    return lemmas, agreed


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
