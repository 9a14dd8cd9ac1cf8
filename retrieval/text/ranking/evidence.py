"""What speaks for a passage as the answer to a query: one number for each kind of evidence.

A word of the query meets a word of the passage by their stems (1), by their meaning (the cosine
of their vectors), or by their spelling (`gengis` and `genghis`, `lanzar` and `lanzamiento`).
Words count by rarity: the rarer in the collection, the more. Each evidence is made of these
meetings alone, so that a ranking of them can be explained.
Sources: Robertson and Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond";
Guo et al. 2016, "A deep relevance matching model for ad-hoc retrieval" (words meeting softly).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieve.text.ranking.stem_vectors import StemVectors
from retrieve.text.stemming import spelt_stems
from retrieve.text.tokens import normal

Matrix = NDArray[np.float32]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

EVIDENCE = (
    "cosine",  # of the embeddings of query and passage
    "sentence",  # share of the query that the best sentence meets, the title helping
    "passage",  # share of the query that the passage meets
    "document",  # share of the query that passages of the same document and title meet, squared
    "lexical",  # BM25 of the stems, words weighed by how few of the candidates have them
    "title",  # share of the query whose stems stand in the title
    "form",  # share of the query that stands in the passage in the same form
    "common",  # how common the words are that they share: what is to be taken off the above
    "meaning",  # cosine of the query and the sentence closest to it, both means of stems
    "length",  # logarithm of the number of stems: a long passage meets more by chance
)
# Each of them weighs otherwise where the query is in other words than what was found: added once
# more in the measure in which its words stand in no candidate together.
UNMET = " unmet"
NAMES = EVIDENCE + tuple(f"{name}{UNMET}" for name in EVIDENCE)
SENTENCE_END = re.compile(r"[.!?…;:]+[\"”»)\]]*\s+|\n+")
KEPT = 4096  # texts whose words are remembered: about 40 MB
NO_STEM = ""  # stands in for a text that has none
K1, B = 0.8, 0.6  # of BM25, measured with the rest on the fitting half of squad_es_dev
SPELT_ALIKE = 0.6  # Indel similarity of spellings from which on they begin to meet


@dataclass(frozen=True, slots=True)
class Words:
    """A text in words.

    stems      in order; [NO_STEM] if there is none
    forms      the words in lower case, stop words left out
    sentences  where in `stems` each sentence begins that has one
    """

    stems: list[str]
    forms: frozenset[str]
    sentences: list[int]


@lru_cache(KEPT)
def words_of(text: str, language: str = "es") -> Words:
    """The words of a passage or a title."""
    stems: list[str] = []
    spellings: set[str] = set()
    sentences: list[int] = []
    for sentence in SENTENCE_END.split(text):
        if found := spelt_stems(sentence, language):
            sentences.append(len(stems))
            stems += [stem for _, stem in found]
            spellings.update([spelling for spelling, _ in found])
    if not stems:
        return Words([NO_STEM], frozenset(), [0])
    return Words(stems, frozenset(map(_form, spellings)), sentences)


_form = lru_cache(1 << 16)(normal)  # putting a word into its normal form takes .5 µs


@dataclass(frozen=True, slots=True)
class Terms:
    """The words of a query, each stem once.

    stems  T of them
    forms  the word in lower case that each came from
    """

    stems: list[str]
    forms: list[str]


def terms_of(text: str, language: str = "es") -> Terms:
    """The words of a query; none if it has only stop words."""
    found: dict[str, str] = {}
    for spelling, stem in spelt_stems(text, language, asked=True):
        found.setdefault(stem, normal(spelling))
    return Terms(list(found), list(found.values()))


@dataclass(frozen=True, slots=True)
class Passages:
    """The candidates' words, K passages.

    texts, titles  of each
    documents      equal for passages of one document under one title
    cosines        (K,) of the embeddings of query and passage
    """

    texts: Sequence[Words]
    titles: Sequence[Words]
    documents: Sequence[Hashable]
    cosines: NDArray[np.floating]


def evidence(
    terms: Terms, rarity: Matrix, passages: Passages, mean_stems: float, vectors: StemVectors
) -> Matrix:
    """(K, len(NAMES)) float32: what speaks for each passage, in the order of NAMES.

    terms       T of the query, at least one
    rarity      (T,) above 0 to 1
    passages    K of them, at least one
    mean_stems  of a passage of the collection
    """
    rows: dict[str, int] = {}
    number = rows.setdefault
    stems = np.array([number(one, len(rows)) for text in passages.texts for one in text.stems])
    titles = [[number(one, len(rows)) for one in title.stems] for title in passages.titles]
    lengths = np.array([len(text.stems) for text in passages.texts])
    starts = np.cumsum(lengths) - lengths
    counts = np.array([len(text.sentences) for text in passages.texts])
    firsts = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(counts)), counts)  # (S,) the passage of each sentence
    sentences = np.concatenate([text.sentences for text in passages.texts]) + starts[owner]

    table = vectors.vectors(rows)
    asked = vectors.vectors(terms.stems)
    same, alike = meetings(list(rows), terms.stems, table @ asked.T)
    often = np.add.reduceat(same[stems].astype(np.float32), starts)  # (K, T)
    has = often > 0
    by_sentence = np.maximum.reduceat(alike[stems], sentences)  # (S, T)
    by_passage = np.maximum.reduceat(by_sentence, firsts)  # (K, T)
    by_title = np.array([alike[title].max(axis=0) for title in titles])
    title_has = np.array([same[title].any(axis=0) for title in titles])
    helped = np.maximum(by_sentence, by_title[owner])
    exact = np.array([[form in text.forms for form in terms.forms] for text in passages.texts])
    together = _best_of(np.maximum(by_passage, by_title), passages.documents)
    share = rarity / rarity.sum()
    unmet = 1 - ((has | title_has) @ share).max()  # by the candidate that has most of the query
    columns = {
        "cosine": passages.cosines,
        "sentence": np.maximum.reduceat(helped @ share, firsts),
        "passage": by_passage @ share,
        "document": together**2 @ share,
        "lexical": _lexical(often, lengths / mean_stems),
        "title": title_has @ share,
        "form": exact @ share,
        "common": (has @ (1 - rarity)) / len(rarity),
        "meaning": np.maximum.reduceat(
            _cosines(np.add.reduceat(table[stems], sentences), rarity @ asked), firsts
        ),
        "length": np.log1p(lengths),
    }
    found = np.stack([columns[name] for name in EVIDENCE], axis=1)
    return np.concatenate([found, found * unmet], axis=1).astype(np.float32)


def meetings(stems: Sequence[str], terms: Sequence[str], cosines: Matrix) -> tuple[Flags, Matrix]:
    """(N, T) which stem is which term, and (N, T) how well they meet, 0 to 1.

    Numbers and what has no letters meet only themselves.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    spelt = process.cdist(stems, terms, scorer=Indel.normalized_similarity, dtype=np.float32)
    row = {term: i for i, term in enumerate(terms)}
    same = np.zeros(spelt.shape, bool)
    for i, stem in enumerate(stems):
        if (found := row.get(stem)) is not None:
            same[i, found] = True
    alike = np.maximum(cosines, (spelt - SPELT_ALIKE) / (1 - SPELT_ALIKE))
    np.clip(alike, 0, 1, out=alike)
    alike[[not stem.isalpha() for stem in stems]] = 0
    alike[:, [not term.isalpha() for term in terms]] = 0
    alike[same] = 1
    return same, alike


def _lexical(often: Matrix, lengths: NDArray[np.floating]) -> NDArray[np.floating]:
    """(K,) BM25 with the candidates as the collection; lengths in means."""
    candidates = len(often)
    holders = (often > 0).sum(axis=0)
    rare = np.log1p((candidates - holders + 0.5) / (holders + 0.5))
    rare /= np.log1p((candidates + 0.5) / 0.5)
    norm = K1 * (1 - B + B * lengths)
    return np.asarray((often * (K1 + 1) / (often + norm[:, None])) @ rare)


def _best_of(met: Matrix, documents: Sequence[Hashable]) -> Matrix:
    """(K, T) the best that any passage of the same document has."""
    numbers: dict[Hashable, int] = {}
    which = np.array([numbers.setdefault(one, len(numbers)) for one in documents])
    best = np.zeros((len(numbers), met.shape[1]), np.float32)
    np.maximum.at(best, which, met)
    return np.asarray(best[which])


def _cosines(rows: Matrix, row: Matrix) -> Matrix:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(row)
    return np.asarray((rows @ row) / np.maximum(lengths, 1e-9))
