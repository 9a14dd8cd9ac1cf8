"""The hybrid ranking beside BM25, on queries made from text, and what it costs.

    python -m benchmarks.ranking CORPORA...

CORPORA are text files, plain or packed, or folders of them. Passages come from the end of each,
which no training of this project reads. Prints R@1, R@10 and MRR@10 of each kind of made query
(`retrieve.training.made_queries`); in how many queries the answer is among the first ten of
BM25 and not of the hybrid, and the other way round; then CPU milliseconds to rank up to 200
candidates, of passages that are read for the first time and of remembered ones.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from retrieve.evaluation import retrieval
from retrieve.evaluation.in_memory import InMemory
from retrieve.evaluation.retrieval import Document, Query
from retrieve.text.encoders.encode import DEFAULT, open_text_encoder, shipped
from retrieve.text.ranking.evidence import words_of
from retrieve.text.ranking.ranking import open_ranker
from retrieve.text.words.vectors import open_vectors
from retrieve.training import made_queries
from retrieve.training.split import split, texts_of

PASSAGES = 90  # of each text
SEED = 2
TIMED = 200  # queries


def main() -> None:
    documents: list[Document] = []
    for text in texts_of([Path(name) for name in sys.argv[1:]]):
        measured = split(text).measured()
        documents += made_queries.passages(measured, text.name.partition(".")[0], PASSAGES)
    if not documents:
        sys.exit(__doc__)
    documents, queries = made_queries.made(
        documents, SEED, made_queries.Near(open_vectors(shipped("es")))
    )
    index = InMemory(documents, open_text_encoder())
    print(f"{len(documents)} passages")
    print(f"{'kind':8}{'queries':>8}{'':>8}{'R@1':>8}{'R@10':>8}{'MRR@10':>8}")
    for kind, some in queries.items():
        ways = {"BM25": index.by_words(), "hybrid": index.by_both(open_ranker(encoder=DEFAULT))}
        for name, way in ways.items():
            found = retrieval.evaluate(way, some, documents)
            figures = (found.recall_1.value, found.recall_10.value, found.mrr_10.value)
            print(f"{kind:8}{len(some):8}{name:>8}" + "".join(f"{one:8.3f}" for one in figures))
        lexical, both = (_found(way, some, documents) for way in ways.values())
        print(f"{kind:8}{'':8} only BM25 {(lexical & ~both).sum()}, only hybrid", end=" ")
        print((both & ~lexical).sum())
    cold, warm, read = _milliseconds(index, [one.text for one in queries["cloze"]][:TIMED])
    print(f"ranking {read:.0f} candidates: {cold:.2f} CPU ms, remembered {warm:.2f} CPU ms")


def _found(
    way: retrieval.Ranking, some: list[Query], documents: list[Document]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    ranked = way([query.text for query in some])
    keys = [one.key for one in documents]
    return np.array(
        [
            any(number >= 0 and keys[number] in query.relevant for number in row)
            for row, query in zip(ranked, some, strict=True)
        ]
    )


def _milliseconds(index: InMemory, queries: list[str]) -> tuple[float, float, float]:
    ranker, statistics = open_ranker(encoder=DEFAULT), index.statistics
    cosines = index.cosines(queries)
    asked = [
        (query, index.candidates(query, row)[1])
        for query, row in zip(queries, cosines, strict=True)
    ]
    ranker.scores(*asked[0], statistics)
    cold = warm = 0.0
    for query, candidates in asked:
        words_of.cache_clear()
        began = time.process_time()
        ranker.scores(query, candidates, statistics)
        between = time.process_time()
        ranker.scores(query, candidates, statistics)
        cold += between - began
        warm += time.process_time() - between
    read = float(np.mean([len(candidates) for _, candidates in asked]))
    return cold / len(asked) * 1000, warm / len(asked) * 1000, read


if __name__ == "__main__":
    main()
