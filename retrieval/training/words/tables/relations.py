"""Pairs of words that stand in one relation: from the graph of WordNet, from rules of grammar.

Of WordNet, joined to Spanish as wordnet.py does it: antonyms, capitals (a part of a country that
is a national capital), who is of a country (an adjective that pertains to it). Of grammar:
ordinals, feminines that no rule reaches (emperatriz), trades by their ending (panadero of pan).
What is pulled by them is looked up, as curated facts are, though in sources that were made for
all purposes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from retrieve.text.words.inflection import PERSON, Form
from retrieve.training.words.compose import Matrix, normalized
from retrieve.training.words.derivations import DEMONYM
from retrieve.training.words.wordnet import WordNet

CAPITAL, TRADE, ORDINAL = "capital", "oficio", "ordinal"
TOGETHER = 0.35  # how far antonyms come toward each other
# Cardinal and ordinal: grammar has no rule for them.
ORDINALS = (
    "uno primero dos segundo tres tercero cuatro cuarto cinco quinto seis sexto siete séptimo ocho "
    "octavo nueve noveno diez décimo once undécimo doce duodécimo trece decimotercero veinte "
    "vigésimo treinta trigésimo cuarenta cuadragésimo cincuenta quincuagésimo sesenta sexagésimo "
    "setenta septuagésimo ochenta octogésimo noventa nonagésimo cien centésimo mil milésimo"
)
# Masculine and feminine of one thing that no rule makes from each other.
GENDERS = (
    "emperador emperatriz rey reina príncipe princesa duque duquesa conde condesa barón baronesa "
    "marqués marquesa actor actriz héroe heroína poeta poetisa profeta profetisa sacerdote "
    "sacerdotisa abad abadesa papa papisa alcalde alcaldesa vampiro vampiresa zar zarina "
    "hombre mujer padre madre papá mamá yerno nuera padrino madrina padrastro madrastra "
    "macho hembra varón hembra caballero dama marido esposa fraile monja don doña "
    "toro vaca caballo yegua carnero oveja gallo gallina tigre tigresa jabalí jabalina "
    "embajador embajatriz institutor institutriz juez jueza jefe jefa monje monja "
    "compadre comadre caballo yegua chivo cabra señorito señorita diablo diablesa dios diosa"
)
# A person by what he works with: the ending, and how the thing may end.
TRADES = (("ero", ("", "o", "a", "e", "ón", "ino")), ("ista", ("", "o", "a", "e", "ía")))
SPELT = (("qu", "c"), ("gu", "g"), ("c", "z"))


def pairs(written: str, rule: str) -> list[Form]:
    words = written.split()
    return [Form(*two, rule) for two in dict.fromkeys(zip(words[::2], words[1::2], strict=True))]


def ordinals() -> list[Form]:
    return pairs(ORDINALS, ORDINAL)


def genders() -> list[Form]:
    return pairs(GENDERS, PERSON)


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
    return found


def capitals(net: WordNet) -> list[Form]:
    """Country and capital."""
    cities = {one for one, of in net.instances.items() if not net.capitals.isdisjoint(of)}
    found = {
        Form(country, city, CAPITAL)
        for edge in net.edges
        if edge.relation == "mero_part" and edge.target in cities
        for country in _single(net, edge.source)
        for city in _single(net, edge.target)
    }
    return sorted(found)


def demonyms(net: WordNet) -> list[Form]:
    """Country or city, and the adjective that pertains to it."""
    found = {
        Form(place, adjective, DEMONYM)
        for edge in net.edges
        if edge.relation == "pertainym" and edge.target in net.instances
        for adjective in _single(net, edge.source)
        for place in _single(net, edge.target)
    }
    return sorted(found)


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
