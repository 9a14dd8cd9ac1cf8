"""Queries with their passages, made from running text: the inverse cloze task.

A passage is some consecutive sentences, its query one of them, thinned out and at times asked
like a question. Passages come in blocks that follow each other in the text: those of one block
are about the same, so each is a hard negative of the others.

All passages of a batch have one length, and so have its queries: no padding is computed.
Source: Lee et al. 2019, "Latent retrieval for weakly supervised open domain question answering".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.training.encoder.corpus import Corpus

Rows = NDArray[np.int32]

QUESTION_WORDS = (
    "qué", "quién", "quiénes", "cuál", "cuáles", "cómo", "cuándo", "dónde", "cuánto", "cuántos",
    "cuántas",
)  # fmt: skip
LONGEST_ANSWER = 4  # rows taken out of a sentence that becomes a question


@dataclass(frozen=True, slots=True)
class PairSettings:
    """How pairs are made; the defaults are what measured best.

    batch      pairs at once
    block      passages that follow each other in the text
    passage    shortest and longest passage, in rows
    query      shortest and longest query, in rows
    dropped    share of a sentence's rows that its query lacks
    kept       share of the passages that keep the sentence of their query
    questions  share of the queries that are asked like a question
    evenness   a file is drawn in proportion to its rows ** evenness
    """

    batch: int = 512
    block: int = 8
    passage: tuple[int, int] = (32, 128)
    query: tuple[int, int] = (4, 16)
    dropped: float = 0.3
    kept: float = 0.5
    questions: float = 0.5
    evenness: float = 0.25


class Pairs:
    """An endless source of batches; one seed gives one sequence.

    question_rows  rows of the words that questions begin with
    """

    def __init__(
        self, corpus: Corpus, settings: PairSettings, question_rows: Sequence[int], seed: int
    ) -> None:
        self.corpus, self.settings = corpus, settings
        self.question_rows = np.array(question_rows, np.int32)
        self.rng = np.random.default_rng(seed)
        sizes = np.diff(corpus.starts[corpus.files]).astype(np.float64)
        self.shares = sizes**settings.evenness / (sizes**settings.evenness).sum()

    def batch(self) -> tuple[Rows, Rows]:
        """(N, Tq) rows of queries and (N, Tp) rows of their passages."""
        chosen, rng = self.settings, self.rng
        length = int(rng.integers(chosen.passage[0], chosen.passage[1] + 1))
        query_length = int(rng.integers(chosen.query[0], chosen.query[1] + 1))
        queries = np.empty((chosen.batch, query_length), np.int32)
        passages = np.empty((chosen.batch, length), np.int32)
        filled = 0
        while filled < chosen.batch:
            at = self._start()
            for _ in range(min(chosen.block, chosen.batch - filled)):
                at = self._pair(at, queries[filled], passages[filled])
                filled += 1
        return queries, passages

    def _start(self) -> int:
        """A sentence to begin a block at."""
        file = int(self.rng.choice(len(self.shares), p=self.shares))
        return int(self.rng.integers(self.corpus.files[file], self.corpus.files[file + 1]))

    def _pair(self, at: int, query: Rows, passage: Rows) -> int:
        """Fill one query and passage from sentence `at` on; returns where the next begins."""
        rows, starts = self.corpus.rows, self.corpus.starts
        length, wanted = len(passage), len(query)
        # A passage needs its length and that of a sentence that may be left out of it.
        if starts[-1] - starts[at] < 3 * length:
            at = 0
        begin = int(starts[at])
        end_sentence = int(np.searchsorted(starts, begin + length, "right")) - 1
        first, last = self._source(at, end_sentence, begin, length, wanted)
        if self.rng.random() < self.settings.kept or last - first > 2 * length:
            passage[:] = rows[begin : begin + length]
            end = begin + length
        else:
            before = first - begin
            passage[:before] = rows[begin:first]
            passage[before:] = rows[last : last + length - before]
            end = last + length - before
        self._ask(rows[first:last], query)
        return min(int(np.searchsorted(starts, end)), len(starts) - 2)

    def _source(
        self, at: int, end_sentence: int, begin: int, length: int, wanted: int
    ) -> tuple[int, int]:
        """The rows that the query is made from: a sentence, or a part of a long one."""
        starts = self.corpus.starts
        window = int(np.ceil(wanted / (1 - self.settings.dropped)))
        if end_sentence > at:
            bounds = starts[at : end_sentence + 1]
            long_enough = np.flatnonzero(np.diff(bounds) >= wanted)
            if len(long_enough):
                pick = int(long_enough[self.rng.integers(len(long_enough))])
                first, last = int(bounds[pick]), int(bounds[pick + 1])
                if last - first > window:
                    first += int(self.rng.integers(last - first - window + 1))
                    last = first + window
                return first, last
        first = begin + int(self.rng.integers(max(length - window, 0) + 1))
        return first, first + window

    def _ask(self, source: Rows, query: Rows) -> None:
        """Thin the rows of a sentence out to a query, at times with a question word before it."""
        rng = self.rng
        asked = 0
        if len(self.question_rows) and rng.random() < self.settings.questions:
            query[0] = self.question_rows[rng.integers(len(self.question_rows))]
            asked = 1
            spare = len(source) - (len(query) - asked)
            answer = int(rng.integers(0, min(LONGEST_ANSWER, spare) + 1)) if spare > 0 else 0
            if answer:
                hole = int(rng.integers(len(source) - answer + 1))
                source = np.delete(source, slice(hole, hole + answer))
        kept = np.sort(rng.permutation(len(source))[: len(query) - asked])
        query[asked:] = source[kept]
