"""Search against the plain product probes @ gallery.T, with and without candidates."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.errors import BadInput
from retrieve.indexes.search import ann
from retrieve.indexes.search.ann import nearest, wants_index


def unit_rows(n: int, dim: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def plain(gallery, probes, k, keep=None):
    """Scores and rows by the plain product; scores of other rows count for nothing."""
    product = probes @ gallery.T
    if keep is not None:
        product[:, ~keep] = -2
    rows = np.argsort(-product, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(product, rows, axis=1), rows


class Named:
    """An index that names the best of its rows, then every other row in order."""

    def __init__(self, gallery, covered, most=10**9):
        self.gallery, self.covered, self.most = gallery, covered, most
        self.asked = []

    def candidates(self, probes, n):
        self.asked.append((len(probes), n))
        best = plain(self.gallery[: self.covered], probes, min(n, self.most))[1]
        return np.pad(best, ((0, 0), (0, n - best.shape[1])), constant_values=-1)


def same(found, expected):
    assert_array_equal(found[1], expected[1])
    assert_allclose(found[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("probes", [1, 5, 40])
def test_exact_search_agrees_with_the_plain_product(probes):
    gallery, asked = unit_rows(3000, 16, 0), unit_rows(probes, 16, 1)
    same(nearest(gallery, asked, 20), plain(gallery, asked, 20))


@pytest.mark.parametrize("share", [0.002, 0.3, 0.97])
@pytest.mark.parametrize("probes", [3, 40])
def test_a_filter_returns_k_hits_of_the_kept_rows_only(share, probes):
    gallery, asked = unit_rows(9000, 16, 2), unit_rows(probes, 16, 3)
    keep = np.random.default_rng(4).random(9000) < share
    assert keep.sum() > 10
    same(nearest(gallery, asked, 10, keep=keep), plain(gallery, asked, 10, keep))


def test_k_shrinks_to_the_rows_kept():
    gallery = unit_rows(4, 16, 4)
    keep = np.array([True, False, True, False])
    _, rows = nearest(gallery, gallery[:1], 10, keep=keep)
    assert sorted(rows[0]) == [0, 2]


def test_no_row_kept_is_no_hit():
    gallery = unit_rows(4, 16, 4)
    scores, rows = nearest(gallery, gallery, 10, keep=np.zeros(4, bool))
    assert scores.shape == rows.shape == (4, 0)


def test_equal_scores_stand_in_the_order_of_their_rows():
    gallery = np.repeat(unit_rows(1, 16, 5), 6, axis=0)
    assert_array_equal(nearest(gallery, gallery[:1], 6)[1], [[0, 1, 2, 3, 4, 5]])


def test_an_empty_gallery_answers_with_no_hits():
    scores, rows = nearest(np.empty((0, 16), np.float32), unit_rows(2, 16, 6), 3)
    assert scores.shape == rows.shape == (2, 0)


def test_no_probe_is_no_answer():
    scores, rows = nearest(unit_rows(5, 16, 6), np.empty((0, 16), np.float32), 3)
    assert scores.shape == rows.shape == (0, 3)


def test_other_dimensions_and_other_filters_are_refused():
    gallery = unit_rows(5, 16, 6)
    with pytest.raises(BadInput, match=r"wanted probes of shape \(Q, 16\); got \(2, 8\)"):
        nearest(gallery, unit_rows(2, 8, 0), 3)
    with pytest.raises(BadInput, match="one entry of keep for each of 5 rows"):
        nearest(gallery, gallery, 3, keep=np.ones(4, bool))


def test_candidates_give_what_exact_search_gives_down_to_the_bit():
    gallery, asked = unit_rows(9000, 16, 7), unit_rows(5, 16, 8)
    index = Named(gallery, 9000)
    scores, rows = nearest(gallery, asked, 10, index=index)
    exact_scores, exact_rows = nearest(gallery, asked, 10)
    assert_array_equal(rows, exact_rows)
    assert_array_equal(scores, exact_scores)
    assert index.asked == [(5, ann.CANDIDATES)]


def test_equal_scores_of_candidates_stand_in_the_order_of_their_rows():
    gallery = unit_rows(9000, 16, 7)
    gallery[[8000, 17, 500]] = gallery[3]
    rows = nearest(gallery, gallery[3:4], 4, index=Named(gallery, 9000))[1]
    assert_array_equal(rows, [[3, 17, 500, 8000]])


def test_rows_behind_the_index_are_found_too():
    gallery = unit_rows(9000, 16, 9)
    asked = gallery[[100, 8990]]
    index = Named(gallery, 8000)
    found = nearest(gallery, asked, 10, index=index)
    same(found, plain(gallery, asked, 10))
    assert index.asked


def test_an_index_of_more_rows_than_there_are_names_only_those_that_are():
    gallery, asked = unit_rows(20_000, 16, 10), unit_rows(5, 16, 11)
    known = gallery[:12_000]
    index = Named(gallery, 20_000)
    same(nearest(known, asked, 10, index=index), plain(known, asked, 10))
    assert index.asked


def test_many_hits_ask_for_more_candidates():
    gallery, asked = unit_rows(30_000, 16, 12), unit_rows(2, 16, 13)
    index = Named(gallery, 30_000)
    same(nearest(gallery, asked, 50, index=index), plain(gallery, asked, 50))
    assert index.asked == [(2, ann.CANDIDATES_PER_HIT * 50)]


def test_a_filtered_search_asks_for_as_many_more_as_the_filter_drops():
    gallery, asked = unit_rows(20_000, 16, 14), unit_rows(3, 16, 15)
    keep = np.zeros(20_000, bool)
    keep[::4] = True
    index = Named(gallery, 20_000)
    same(nearest(gallery, asked, 10, keep=keep, index=index), plain(gallery, asked, 10, keep))
    assert index.asked == [(3, 4 * ann.CANDIDATES)]


def test_few_kept_rows_are_scored_without_the_index():
    gallery, asked = unit_rows(20_000, 16, 16), unit_rows(3, 16, 17)
    keep = np.zeros(20_000, bool)
    keep[::41] = True
    index = Named(gallery, 20_000)
    same(nearest(gallery, asked, 10, keep=keep, index=index), plain(gallery, asked, 10, keep))
    assert index.asked == []


def test_a_filter_against_the_probe_still_returns_the_best_k():
    gallery = unit_rows(20_000, 16, 18)
    probe = unit_rows(1, 16, 19)
    keep = (probe @ gallery.T)[0] < 0  # nothing near the probe may be found
    index = Named(gallery, 20_000)
    same(nearest(gallery, probe, 10, keep=keep, index=index), plain(gallery, probe, 10, keep))
    assert index.asked


def test_an_index_that_names_too_few_is_passed_over():
    gallery, asked = unit_rows(9000, 16, 20), unit_rows(3, 16, 21)
    index = Named(gallery, 9000, most=7)
    same(nearest(gallery, asked, 10, index=index), plain(gallery, asked, 10))
    assert index.asked


def test_hits_among_the_last_candidates_ask_for_more():
    class Doubtful(Named):
        def candidates(self, probes, n):
            return super().candidates(probes, n)[:, :: -1 if n < 4 * ann.CANDIDATES else 1]

    gallery, asked = unit_rows(40_000, 16, 24), unit_rows(3, 16, 25)
    index = Doubtful(gallery, 40_000)
    same(nearest(gallery, asked, 10, index=index), plain(gallery, asked, 10))
    assert index.asked == [(3, ann.CANDIDATES), (3, ann.WIDER * ann.CANDIDATES)]


def test_hits_that_never_settle_are_searched_exactly():
    class Reversed(Named):
        def candidates(self, probes, n):
            return super().candidates(probes, n)[:, ::-1]

    gallery, asked = unit_rows(40_000, 16, 26), unit_rows(3, 16, 27)
    index = Reversed(gallery, 40_000)
    same(nearest(gallery, asked, 10, index=index), plain(gallery, asked, 10))
    assert [n for _, n in index.asked] == [400, 1600]


def test_one_hit_is_settled_by_ten():
    class Late(Named):
        """Names the third best late as long as few are asked for."""

        def candidates(self, probes, n):
            rows = super().candidates(probes, n)
            if n < 4 * ann.CANDIDATES:
                rows[:, [2, -1]] = rows[:, [-1, 2]]
            return rows

    gallery, asked = unit_rows(40_000, 16, 30), unit_rows(3, 16, 31)
    index = Late(gallery, 40_000)
    same(nearest(gallery, asked, 1, index=index), plain(gallery, asked, 1))
    assert index.asked == [(3, ann.CANDIDATES), (3, ann.WIDER * ann.CANDIDATES)]


def test_larger_galleries_ask_for_more_candidates(monkeypatch):
    monkeypatch.setattr(ann, "ROWS_PER_CANDIDATE", 20)
    gallery, asked = unit_rows(20_000, 16, 28), unit_rows(2, 16, 29)
    index = Named(gallery, 20_000)
    same(nearest(gallery, asked, 10, index=index), plain(gallery, asked, 10))
    assert index.asked == [(2, 1000)]


def test_candidates_of_many_probes_are_held_in_batches(monkeypatch):
    monkeypatch.setattr(ann, "BATCH_CANDIDATES", 3 * ann.CANDIDATES)
    gallery, asked = unit_rows(9000, 16, 22), unit_rows(7, 16, 23)
    index = Named(gallery, 9000)
    same(nearest(gallery, asked, 10, index=index), plain(gallery, asked, 10))
    assert [probes for probes, _ in index.asked] == [3, 3, 1]


def test_an_index_is_wanted_by_bytes_not_by_rows():
    rows = ann.EXACT_BYTES // (4 * 128)
    assert not wants_index(rows, 128)
    assert wants_index(rows + 1, 128)
    assert wants_index(rows, 512)
