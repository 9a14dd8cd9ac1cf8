"""Measures of text search and of sentence similarity, by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import spearmanr

from retrieve.errors import BadInput
from retrieve.evaluation import sentences
from retrieve.evaluation.retrieval import (
    DEPTH,
    NOTHING,
    Document,
    Query,
    documents,
    evaluate,
    half,
    queries,
)

DOCUMENTS = [Document(f"d{i}", f"title {i // 2}", f"text {i}") for i in range(12)]


def _ranking(*rows):
    def rank(asked):
        assert len(asked) == len(rows)
        return np.array([[*row, *[NOTHING] * (DEPTH - len(row))] for row in rows])

    return rank


def _query(*keys):
    return Query("?", frozenset(keys))


def test_measures_by_hand():
    found = evaluate(
        _ranking([0, 1], [5, 6, 7], [9], range(10)),
        [_query("d0"), _query("d7"), _query("d1"), _query("d9")],
        DOCUMENTS,
    )
    values = (found.recall_1, found.recall_5, found.recall_10, found.mrr_10, found.ndcg_10)
    expected = (
        1 / 4,
        2 / 4,
        3 / 4,
        (1 + 1 / 3 + 0 + 1 / 10) / 4,
        (1 + 1 / math.log2(4) + 0 + 1 / math.log2(11)) / 4,
    )
    assert_allclose([one.value for one in values], expected)
    assert all(one.low <= one.value <= one.high for one in values)
    assert (found.queries, found.documents) == (4, 12)


def test_several_relevant_documents_count_by_their_share():
    found = evaluate(_ranking([3, 0, 4]), [_query("d3", "d4", "d8")], DOCUMENTS)
    assert_allclose(found.recall_1.value, 1 / 3)
    assert_allclose(found.recall_10.value, 2 / 3)
    assert found.mrr_10.value == 1
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert_allclose(found.ndcg_10.value, (1 + 1 / 2) / ideal)


def test_the_interval_of_a_share_is_that_of_the_binomial():
    asked = [_query("d0")] * 400
    found = evaluate(_ranking(*[[0]] * 100, *[[1]] * 300), asked, DOCUMENTS)
    error = 1.96 * math.sqrt(0.25 * 0.75 / 400)
    assert_allclose(
        [found.recall_1.low, found.recall_1.high], [0.25 - error, 0.25 + error], atol=0.01
    )


def test_halves_share_no_title_and_leave_nothing_out():
    asked = [_query(one.key) for one in DOCUMENTS]
    fit, test = half(asked, DOCUMENTS, "fit"), half(asked, DOCUMENTS, "test")
    assert len(fit) == len(test) == 6
    titles = {one.key: one.title for one in DOCUMENTS}
    of = [{titles[key] for query in some for key in query.relevant} for some in (fit, test)]
    assert of[0].isdisjoint(of[1])


def test_files_are_read_in_their_form():
    lines = ['{"_id": "a", "title": "T", "text": "x"}\n', "\n", '{"_id": 7, "text": "y"}']
    assert documents(lines) == [Document("a", "T", "x"), Document("7", "", "y")]
    asked = [json.dumps({"text": "q", "doc": "a"}), json.dumps({"text": "r", "doc": ["a", "7"]})]
    assert [one.relevant for one in queries(asked)] == [{"a"}, {"a", "7"}]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "empty file"),
        (["{"], "line 1: wanted a JSON object"),
        (["[1]"], "line 1: wanted a JSON object"),
        (['{"_id": "a"}'], "line 1: wanted a JSON object with _id and text"),
        (['{"_id": "a", "text": ""}'] * 2, "line 2: the document 'a' comes twice"),
    ],
)
def test_other_lines_are_refused(lines, message):
    with pytest.raises(BadInput, match=message):
        documents(lines)


def test_a_query_without_its_document_is_refused():
    with pytest.raises(BadInput, match="answered by d99"):
        evaluate(_ranking([0]), [_query("d99")], DOCUMENTS)
    with pytest.raises(BadInput, match="got none"):
        evaluate(_ranking(), [], DOCUMENTS)


class _Turned:
    """Embeds a number as the angle that it is, and nothing else."""

    name, dim, weights_sha256 = "turned", 2, "0" * 64

    def covers(self, text):
        return text.isdigit()

    def embed(self, texts):
        angles = np.deg2rad([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_similarity_is_spearman_of_the_cosines():
    lines = ["a,b,score", "0,10,5", "0,30,2", "0,20,3", "0,90,1", "0,80,1.5", "x,1,9"]
    judged = sentences.pairs(lines)
    found = sentences.similarity(_Turned(), judged)
    expected = spearmanr([5, 2, 3, 1, 1.5], [-10, -30, -20, -90, -80]).statistic
    assert_allclose(found.spearman, expected)
    assert (found.asked, found.covered) == (6, 5)


def test_sentences_hold_commas_in_quotes():
    assert sentences.pairs(['"a, b",c,1.5']) == [sentences.Pair("a, b", "c", 1.5)]


@pytest.mark.parametrize("lines", [["0,1,2", "0,1"], ["0,1,2", "0,1,x"]])
def test_other_pairs_are_refused(lines):
    with pytest.raises(BadInput, match="line 2: wanted two sentences and a score"):
        sentences.pairs(lines)


def test_too_few_pairs_are_refused():
    with pytest.raises(BadInput, match="can embed 1 of 2 pairs"):
        sentences.similarity(_Turned(), sentences.pairs(["0,1,2", "0,x,2"]))
