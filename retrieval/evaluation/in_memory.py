"""Passages searched in memory as a collection on disk searches them: by BM25, and by both ways.

For measuring and for fitting a ranking, where all passages are known and nothing is kept.
The sums of BM25 are those of SQLite's FTS5, which a collection asks.
Source: Robertson and Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieve.evaluation.retrieval import DEPTH, NOTHING, Document, Ranking
from retrieve.text.encoders.encode import TextEncoder, embed_queries
from retrieve.text.ranking.ranking import Candidate, Ranker, Statistics
from retrieve.text.stemming import asked_stems, stems
from retrieve.types import Embeddings

K1, B = 1.2, 0.75  # FTS5's, which cannot be changed
LEAST_IDF = 1e-6  # of a stem in more than half of the passages, as FTS5 has it
TITLE_WEIGHT = 1.0  # of a stem in a title
DEEP = 100  # candidates from each of the two searches


class InMemory:
    """N passages with their stems and embeddings.

    documents   what stands before # in a key names the document that the passage is a part of
    encoder     None: no passage has an embedding, all cosines are 0
    language    of the stems
    """

    def __init__(
        self,
        documents: Sequence[Document],
        encoder: TextEncoder | None = None,
        language: str = "es",
    ) -> None:
        self.documents = documents
        self.language = language
        self._encoder = encoder
        self._bodies = [stems(one.text, language) for one in documents]
        titles = [stems(one.title, language) for one in documents]
        postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._holders: Counter[str] = Counter()
        for number, (body, title) in enumerate(zip(self._bodies, titles, strict=True)):
            often: dict[str, float] = defaultdict(float)
            for stem in body:
                often[stem] += 1
            for stem in title:
                often[stem] += TITLE_WEIGHT
            self._holders.update(often.keys())
            for stem, count in often.items():
                postings[stem].append((number, count))
        self._postings = {
            stem: (np.array([number for number, _ in some]), np.array([n for _, n in some]))
            for stem, some in postings.items()
        }
        lengths = np.array([len(b) + len(t) for b, t in zip(self._bodies, titles, strict=True)])
        self._norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1e-9))
        self._embedded: NDArray[np.int64] = np.zeros(0, np.int64)
        if encoder is not None:
            covered = [i for i, one in enumerate(documents) if encoder.covers(one.text)]
            self._embedded = np.array(covered, np.int64)
            self._embeddings: Embeddings = encoder.embed([documents[i].text for i in covered])

    @property
    def statistics(self) -> Statistics:
        mean = float(np.mean([len(body) for body in self._bodies]))
        return Statistics(
            len(self.documents), max(mean, 1.0), lambda asked: [self._holders[s] for s in asked]
        )

    def bm25(self, query: str) -> NDArray[np.float64]:
        """(N,) BM25 of each passage, 0 where it has no stem of the query."""
        scores = np.zeros(len(self.documents))
        for stem in dict.fromkeys(asked_stems(query, self.language)):
            if stem in self._postings:
                numbers, often = self._postings[stem]
                n, holders = len(self.documents), len(numbers)
                idf = max(float(np.log((n - holders + 0.5) / (holders + 0.5))), LEAST_IDF)
                scores[numbers] += idf * often * (K1 + 1) / (often + self._norm[numbers])
        return scores

    def cosines(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """(Q, N) of the embeddings, 0 for what the encoder does not cover."""
        found = np.zeros((len(queries), len(self.documents)), np.float32)
        if self._encoder is not None:
            asked = np.flatnonzero([self._encoder.covers(query) for query in queries])
            embedded = embed_queries(self._encoder, [queries[int(i)] for i in asked])
            found[np.ix_(asked, self._embedded)] = embedded @ self._embeddings.T
        return found

    def candidates(
        self, query: str, cosines: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], list[Candidate]]:
        """The best by BM25 and the best by cosine: their numbers, ascending, and what they are."""
        lexical = self.bm25(query)
        by_words = np.argsort(-lexical, kind="stable")[:DEEP]
        by_words = by_words[lexical[by_words] > 0]
        by_meaning = np.argsort(-cosines, kind="stable")[:DEEP]
        numbers = np.union1d(by_words, by_meaning[cosines[by_meaning] != 0])
        return numbers, [
            Candidate(
                self.documents[i].text,
                self.documents[i].title,
                self.documents[i].key.rpartition("#")[0],
                float(lexical[i]),
                float(cosines[i]),
            )
            for i in numbers
        ]

    def by_words(self) -> Ranking:
        """Rank by BM25 alone."""

        def rank(queries: Sequence[str]) -> NDArray[np.int64]:
            rows = []
            for query in queries:
                scores = self.bm25(query)
                found = np.flatnonzero(scores)
                rows.append(_best(found, scores[found]))
            return np.array(rows, np.int64).reshape(-1, DEPTH)

        return rank

    def by_both(self, ranker: Ranker) -> Ranking:
        """Rank what both searches find."""

        def rank(queries: Sequence[str]) -> NDArray[np.int64]:
            statistics = self.statistics
            rows = []
            for query, cosines in zip(queries, self.cosines(queries), strict=True):
                numbers, some = self.candidates(query, cosines)
                scores = ranker.scores(query, some, statistics)
                rows.append(_best(numbers, scores))
            return np.array(rows, np.int64).reshape(-1, DEPTH)

        return rank


def _best(numbers: NDArray[np.int64], scores: NDArray[np.floating]) -> NDArray[np.int64]:
    row = np.full(DEPTH, NOTHING, np.int64)
    best = numbers[np.argsort(-scores, kind="stable")[:DEPTH]]
    row[: len(best)] = best
    return row
