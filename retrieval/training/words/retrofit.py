"""Pull each word toward its neighbours in the graph, and keep it near where the text put it.

Source: Faruqui et al. 2015, "Retrofitting word vectors to semantic lexicons".
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from retrieve.training.words.compose import Matrix, normalized
from retrieve.training.words.wordnet import WordNet

PULL = 0.3  # β summed over a word's neighbours, against 1 for the text
ITERATIONS = 5
RELATIONS = ("hypernym", "mero_part", "mero_member", "mero_substance", "similar")


def retrofit(vectors: Matrix, words: list[str], wordnet: WordNet, pull: float = PULL) -> Matrix:
    """(N, D) unit vectors pulled toward synonyms, hypernyms and parts."""
    graph = neighbours(words, wordnet)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    linked = degree > 0
    mean = sparse.diags(1 / np.maximum(degree, 1)) @ graph
    moved = vectors.copy()
    for _ in range(ITERATIONS):
        pulled = (vectors + np.float32(pull) * (mean @ moved)) / np.float32(1 + pull)
        moved[linked] = pulled[linked]
    return normalized(moved)


def neighbours(words: list[str], wordnet: WordNet) -> sparse.csr_matrix:
    """(N, N) symmetric 0/1: which words share a sense or stand one edge apart."""
    row_of = {word: row for row, word in enumerate(words)}
    rows_of = {
        synset: [row_of[lemma] for lemma in lemmas if lemma in row_of]
        for synset, lemmas in wordnet.lemmas.items()
    }
    pairs = {(a, b) for rows in rows_of.values() for a in rows for b in rows if a != b}
    for edge in wordnet.edges:
        if edge.relation in RELATIONS:
            pairs.update(
                (a, b)
                for a in rows_of.get(edge.source, ())
                for b in rows_of.get(edge.target, ())
                if a != b
            )
    both = np.array(sorted(pairs | {(b, a) for a, b in pairs}), np.int64).reshape(-1, 2)
    ones = np.ones(len(both), np.float32)
    return sparse.csr_matrix((ones, (both[:, 0], both[:, 1])), shape=(len(words), len(words)))
