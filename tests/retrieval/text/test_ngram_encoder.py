"""Hashed n-grams agree with n-grams that are counted one by one."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.text.encoders.ngrams import Grams, NgramEncoder

TEXTS = ["La niña, la niña de 1898.", "a", "Ein Satz… noch ein Satz!", "¿Qué?  sí\nsí"]


def _counted(text: str, longest: int) -> Counter[tuple[str, str]]:
    """The n-grams of a text whose blanks are single, and its words and pairs of words."""
    marked = f" {' '.join(text.split())} "
    found = Counter(
        ("characters", marked[i : i + n])
        for n in range(1, longest + 1)
        for i in range(len(marked) - n + 1)
    )
    words = marked.split()
    found.update(("word", word) for word in words)
    found.update(("pair", " ".join(pair)) for pair in itertools.pairwise(words))
    return found


def test_counts_are_those_of_counting_one_by_one():
    # 40 bits: no two n-grams of so short texts share a column.
    found = NgramEncoder(Grams(longest=3, words=2, bits=40)).counts(TEXTS)
    for i, text in enumerate(TEXTS):
        wanted = np.array(sorted(_counted(text, 3).values()))
        values = np.sort(found.values[found.starts[i] : found.starts[i + 1]])
        assert_allclose(values, np.sqrt(wanted / wanted.sum()), rtol=1e-5)


def test_an_n_gram_has_the_same_column_in_every_text_and_batch():
    encoder = NgramEncoder(Grams(bits=40))
    alone = [encoder.counts([text]) for text in TEXTS]
    together = encoder.counts(TEXTS)
    for i, one in enumerate(alone):
        place = slice(together.starts[i], together.starts[i + 1])
        assert_allclose(together.columns[place], one.columns)
        assert_allclose(together.values[place], one.values)


def test_batches_beyond_the_bound_change_nothing(monkeypatch):
    encoder = NgramEncoder()
    whole = encoder.counts(TEXTS)
    monkeypatch.setattr("retrieve.text.encoders.ngrams.AT_ONCE", 3)
    parts = encoder.counts(TEXTS)
    assert_allclose(parts.columns, whole.columns)
    assert_allclose(parts.starts, whole.starts)


def test_dense_rows_have_length_1_and_hold_the_sparse_ones():
    encoder = NgramEncoder(Grams(bits=12))
    dense, sparse = encoder.embed(TEXTS), encoder.counts(TEXTS)
    assert dense.shape == (4, encoder.dim)
    assert_allclose(np.linalg.norm(dense, axis=1), 1, rtol=1e-5)
    first = slice(0, sparse.starts[1])
    assert_allclose(dense[0, sparse.columns[first]], sparse.values[first])
    assert np.count_nonzero(dense) == len(sparse.values)


def test_letters_alone_leave_case_digits_and_marks_out():
    encoder = NgramEncoder(Grams(letters=True))
    first, second = encoder.embed(["¡Hola, MUNDO 7!", "hola mundo"])
    assert_allclose(first, second)


def test_the_kind_of_apostrophe_makes_no_difference():
    first, second = NgramEncoder().embed(["l’òme", "l'òme"])
    assert_allclose(first, second)


def test_a_text_without_a_letter_is_refused_by_number():
    encoder = NgramEncoder(Grams(letters=True))
    assert not encoder.covers("1234 …")
    with pytest.raises(BadInput, match=r"of 3 texts these have none \(the first is 0\): 1, 2"):
        encoder.counts(["uno", "2", " "])
    assert len(encoder.counts([])) == 0
