"""Candidates of real fast scan, against exact search."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retrieve.errors import BadInput
from retrieve.indexes.search import fastscan
from retrieve.indexes.search.ann import nearest
from retrieve.indexes.search.fastscan import GROWTH, train


def people(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """Unit rows in groups of ten, as embeddings of faces stand in groups."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((n // 10, dim))[np.arange(n) % (n // 10)]
    rows = (centres + 0.5 * generator.standard_normal((n, dim))).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def gallery():
    return people(12_000, 32)


@pytest.fixture(scope="module")
def index(gallery):
    return train(gallery)


def test_search_with_candidates_finds_what_exact_search_finds(gallery, index):
    probes = gallery[::120]
    scores, rows = nearest(gallery, probes, 10, index=index)
    exact_scores, exact_rows = nearest(gallery, probes, 10)
    assert np.mean(rows == exact_rows) > 0.99
    assert np.mean(scores == exact_scores) > 0.9  # the batch's kernel rounds otherwise


def test_a_crowd_of_nearly_equal_rows_is_told_apart():
    gallery = people(40_000, 32, seed=1)
    crowd = gallery[0] + np.float32(0.01) * people(5000, 32, seed=2)
    gallery[::8] = crowd / np.linalg.norm(crowd, axis=1, keepdims=True)
    probes = gallery[::4000]
    found = nearest(gallery, probes, 10, index=train(gallery))
    assert_array_equal(found[1], nearest(gallery, probes, 10)[1])


def test_the_same_seed_gives_the_same_codes(gallery, index):
    again = train(gallery)
    probes = gallery[:3]
    assert_array_equal(again.candidates(probes, 50), index.candidates(probes, 50))
    assert again.trained_rows == again.covered == 12_000


@pytest.mark.parametrize("first", [1000, 1024, 1025])
def test_rows_taken_in_later_are_coded_as_those_taken_in_at_once(gallery, first):
    once = train(gallery[:first])
    once.extend(gallery[:2000])
    twice = train(gallery[:first])
    twice.extend(gallery[:1500])
    twice.extend(gallery[:1500])
    twice.extend(gallery[:2000])
    assert twice.covered == 2000
    assert twice.trained_rows == first
    probes = gallery[::500]
    assert_array_equal(twice.candidates(probes, 80), once.candidates(probes, 80))


def test_blocks_do_not_change_the_index(gallery, index, monkeypatch):
    monkeypatch.setattr(fastscan, "BLOCK_ROWS", 700)
    seen = []
    small = train(gallery, progress=seen.append)
    assert_array_equal(small.candidates(gallery[:3], 50), index.candidates(gallery[:3], 50))
    assert seen[0] == 700
    assert seen[-1] == 12_000


@pytest.mark.parametrize("dim", [7, 66, 130, 515])
def test_any_number_of_dimensions_will_do(dim):
    gallery = people(1000, dim)
    probes = gallery[::50]
    rows = nearest(gallery, probes, 5, index=train(gallery))[1]
    assert np.mean(rows == nearest(gallery, probes, 5)[1]) > 0.97


def test_fewer_rows_than_candidates_leave_places_empty(gallery):
    small = train(gallery[:40])
    (rows,) = small.candidates(gallery[:1], 50)
    assert sorted(rows[rows >= 0]) == list(range(40))


def test_too_few_rows_to_train_are_refused(gallery):
    with pytest.raises(BadInput, match="wanted 16 embeddings or more for an index; got 15"):
        train(gallery[:15])


def test_deleted_rows_have_no_say_in_the_codes(gallery):
    wiped = gallery[:4000].copy()
    wiped[::2] = 0
    index, living = train(wiped), train(np.ascontiguousarray(wiped[1::2]))
    assert_array_equal(index.turned, living.turned)
    assert_array_equal(
        index.candidates(gallery[:5], 30), 2 * living.candidates(gallery[:5], 30) + 1
    )


def test_growth_of_what_can_be_found_makes_an_index_stale(gallery):
    index = train(gallery[:100])
    assert not index.stale(100 * GROWTH, dead=0)
    assert index.stale(100 * GROWTH + 1, dead=0)
    assert not index.stale(100 * GROWTH + 1, dead=1)


def test_one_probe_does_not_leave_one_thread_for_many(gallery, index):
    import faiss

    most = fastscan._most_threads()
    index.candidates(gallery[:1], 5)
    assert faiss.omp_get_max_threads() == 1
    index.candidates(gallery[:100], 5)
    assert faiss.omp_get_max_threads() == most
