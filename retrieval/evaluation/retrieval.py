"""How well a way of searching texts finds the passage that answers each query.

A way of searching is a function from queries to ranked documents (`Ranking`); whatever stands
behind it, an index of words, an encoder or both, is measured alike.
Sources: Järvelin and Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques" (nDCG);
Efron 1979, "Bootstrap methods" (the intervals).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput

DEPTH = 10  # hits of a query that count
RESAMPLES, AT_ONCE = 1000, 100
NOTHING = -1  # in a ranking, where a query has fewer hits

Half = Literal["fit", "test"]
Values = NDArray[np.float64]


class Ranking(Protocol):
    """(Q, DEPTH) int64 for Q queries: the numbers of the documents found, best first.

    Documents count from 0 in the order of their file; NOTHING fills a row up.
    """

    def __call__(self, queries: Sequence[str]) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True)
class Document:
    """A passage; title may be empty."""

    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the keys of the documents that answer it."""

    text: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """The mean over all queries, with the interval that holds the true mean at 95 %.

    Queries of one document are not independent, so the interval is a little too narrow.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quality:
    """One way of searching, measured.

    recall_k  share of the relevant documents among the first k
    mrr_10    1 / rank of the first relevant one, 0 beyond 10
    ndcg_10   gain discounted by log2(rank + 1), as a share of the best possible
    """

    queries: int
    documents: int
    recall_1: Measured
    recall_5: Measured
    recall_10: Measured
    mrr_10: Measured
    ndcg_10: Measured


def documents(lines: Iterable[str]) -> list[Document]:
    """Documents of a JSONL file: `_id`, `text` and perhaps `title` in each line.

    raises  BadInput for a line that is something else, a key that comes twice, or no line
    """
    found: dict[str, Document] = {}
    for number, row in _rows(lines, ("_id", "text")):
        key = str(row["_id"])
        if key in found:
            raise BadInput(f"line {number}: the document {key!r} comes twice")
        found[key] = Document(key, str(row.get("title") or ""), str(row["text"]))
    if not found:
        raise BadInput("wanted documents, one JSON object a line; got an empty file")
    return list(found.values())


def queries(lines: Iterable[str]) -> list[Query]:
    """Queries of a JSONL file: `text` and `doc`, a key or a list of keys, in each line.

    raises  BadInput for a line that is something else, or no line
    """
    found = []
    for _, row in _rows(lines, ("text", "doc")):
        doc = row["doc"]
        keys = doc if isinstance(doc, list) else [doc]
        found.append(Query(str(row["text"]), frozenset(map(str, keys))))
    if not found:
        raise BadInput("wanted queries, one JSON object a line; got an empty file")
    return found


def _rows(lines: Iterable[str], wanted: Sequence[str]) -> Iterable[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or any(name not in row for name in wanted):
            raise BadInput(
                f"line {number}: wanted a JSON object with {' and '.join(wanted)}; "
                f"got {line.strip()[:60]!r}"
            )
        yield number, row


def half(asked: Sequence[Query], collection: Sequence[Document], which: Half) -> list[Query]:
    """The queries about every other title in alphabetical order: one half to fit, one to test.

    All documents stay in the collection; queries about several titles go by the first of them.
    """
    titles = sorted({document.title for document in collection})
    side = {title: ("fit", "test")[i % 2] for i, title in enumerate(titles)}
    of = {document.key: side[document.title] for document in collection}
    return [query for query in asked if of[min(query.relevant)] == which]


def evaluate(ranking: Ranking, asked: Sequence[Query], collection: Sequence[Document]) -> Quality:
    """Rank the documents for every query and measure.

    raises  BadInput without queries, or when a query has no relevant document in the collection
    """
    number = {document.key: i for i, document in enumerate(collection)}
    if not asked:
        raise BadInput("wanted queries to measure with; got none")
    for query in asked:
        if not query.relevant or not query.relevant <= number.keys():
            missing = ", ".join(sorted(query.relevant - number.keys())) or "no document"
            raise BadInput(f"the query {query.text!r} is answered by {missing}, not in the file")
    ranked = ranking([query.text for query in asked])
    assert ranked.shape == (len(asked), DEPTH)
    sizes = np.array([len(query.relevant) for query in asked])
    hits = np.array(
        [
            np.isin(row, [number[key] for key in query.relevant])
            for row, query in zip(ranked, asked, strict=True)
        ]
    )  # (Q, DEPTH)
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    ideal = np.cumsum(discounts)[np.minimum(sizes, DEPTH) - 1]
    first = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)
    recall = {k: hits[:, :k].sum(axis=1) / sizes for k in (1, 5, 10)}
    return Quality(
        queries=len(asked),
        documents=len(collection),
        recall_1=_measured(recall[1]),
        recall_5=_measured(recall[5]),
        recall_10=_measured(recall[10]),
        mrr_10=_measured(first),
        ndcg_10=_measured(hits @ discounts / ideal),
    )


def _measured(values: Values) -> Measured:
    """The mean and the middle 95 % of the means of RESAMPLES samples of the values, drawn with
    replacement: Efron's percentile interval.
    """
    mean = float(values.mean())
    if len(values) < 2 or np.ptp(values) == 0:
        # All alike: resampling shows no spread, though more queries might.
        return Measured(mean, mean, mean)
    rng, n = np.random.default_rng(0), len(values)
    # All at once would be RESAMPLES numbers for each query.
    means = [
        values[rng.integers(0, n, (AT_ONCE, n))].mean(axis=1) for _ in range(RESAMPLES // AT_ONCE)
    ]
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
    return Measured(mean, float(low), float(high))
