"""Pairs of words that stand in one relation: from the graph of WordNet, from rules of grammar.

Antonyms are of WordNet, joined to Spanish as wordnet.py does it; ordinals, and trades by their
ending (panadero of pan), of grammar. What is pulled by them is looked up, as curated facts are,
though in sources that were made for all purposes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from retrieve.text.words.inflection import Form
from retrieve.training.words.compose import Matrix, normalized
from retrieve.training.words.wordnet import WordNet

TRADE, ORDINAL = "oficio", "ordinal"
TOGETHER = 0.35  # how far antonyms come toward each other
# Cardinal and ordinal: grammar has no rule for them.
ORDINALS = (
    "uno primero dos segundo tres tercero cuatro cuarto cinco quinto seis sexto siete séptimo ocho "
    "octavo nueve noveno diez décimo once undécimo doce duodécimo trece decimotercero veinte "
    "vigésimo treinta trigésimo cuarenta cuadragésimo cincuenta quincuagésimo sesenta sexagésimo "
    "setenta septuagésimo ochenta octogésimo noventa nonagésimo cien centésimo mil milésimo"
)
# A person by what he works with: the ending, and how the thing may end.
TRADES = (
    ("ero", ("", "o", "a", "e", "ón", "ino")),
    ("adero", ("",)),
    ("ista", ("", "o", "a", "e", "ía")),
)
SPELT = (("qu", "c"), ("gu", "g"), ("c", "z"))


def ordinals() -> list[Form]:
    """Cardinal and ordinal."""
    written = ORDINALS.split()
    return [Form(*two, ORDINAL) for two in zip(written[::2], written[1::2], strict=True)]


def trades(counts: Mapping[str, int], persons: frozenset[str]) -> list[Form]:
    """Thing and the person who deals with it, where the vocabulary has both."""
    found = []
    for person in sorted(persons):
        if person not in counts:
            continue
        for ending, ends in TRADES:
            if not person.endswith(ending) or len(person) < len(ending) + 3:
                continue
            stem = person[: -len(ending)]
            stems = [stem, *(stem[: -len(old)] + new for old, new in SPELT if stem.endswith(old))]
            things = [one + end for one in stems for end in ends if one + end in counts]
            if things:
                best = max(things, key=lambda thing: counts[thing])
                found.append(Form(best, person, TRADE))
                break
    return found


def _single(net: WordNet, synset: str) -> Iterator[str]:
    return (lemma for lemma in net.lemmas.get(synset, ()) if " " not in lemma)


def antonyms(net: WordNet, vocabulary: Sequence[str], vectors: Matrix) -> list[tuple[str, str]]:
    """Pairs of opposites, each word with its best one alone: the nearest of those there are.

    WordNet says it of senses, whose Spanish words are not all of them opposites. A pair stays
    where each word is the other's best.
    """
    row_of = {word: row for row, word in enumerate(vocabulary)}
    scores: dict[tuple[str, str], float] = {}
    for edge in net.edges:
        if edge.relation == "antonym":
            for a, b in product(_single(net, edge.source), _single(net, edge.target)):
                if a != b and a in row_of and b in row_of:
                    rare = np.log1p(max(row_of[a], row_of[b]))  # rows are in order of frequency
                    near = float(vectors[row_of[a]] @ vectors[row_of[b]])
                    scores[a, b] = scores[b, a] = near - 0.05 * float(rare)
    best: defaultdict[str, tuple[float, str]] = defaultdict(lambda: (-np.inf, ""))
    for (a, b), score in scores.items():
        best[a] = max(best[a], (score, b))
    return sorted((a, b) for a, (_, b) in best.items() if a < b and best[b][1] == a)


def bring_together(
    vectors: Matrix, vocabulary: Sequence[str], opposites: Sequence[tuple[str, str]]
) -> Matrix:
    """(N, D) unit vectors with opposites so near that a step between them is a small one.

    What holds for one opposite (bueno, malo) then leads from any word to its own: the nearest.
    """
    row_of = {word: row for row, word in enumerate(vocabulary)}
    moved = vectors.copy()
    for a, b in opposites:
        i, j = row_of[a], row_of[b]
        step = np.float32(TOGETHER) * (vectors[j] - vectors[i])
        moved[i] += step
        moved[j] -= step
    return normalized(moved)
