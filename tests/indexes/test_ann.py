"""FAISS search against the plain product probes @ gallery.T."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from indexes.ann import CHUNK_ROWS, nearest


def unit_rows(n: int, dim: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_nearest_agrees_with_the_plain_product_across_chunks():
    gallery, probes = unit_rows(CHUNK_ROWS + 500, 16, 0), unit_rows(5, 16, 1)
    scores, rows = nearest(gallery, probes, 20)
    product = probes @ gallery.T
    expected = np.sort(product, axis=1)[:, ::-1][:, :20]
    assert_allclose(scores, expected, atol=1e-6)
    assert_allclose(np.take_along_axis(product, rows, axis=1), scores, atol=1e-6)


def test_a_filter_returns_k_hits_of_the_kept_rows_only():
    gallery, probes = unit_rows(CHUNK_ROWS + 500, 16, 2), unit_rows(3, 16, 3)
    keep = np.zeros(len(gallery), bool)
    keep[::997] = True
    scores, rows = nearest(gallery, probes, 10, keep=keep)
    kept = np.flatnonzero(keep)
    best = np.argsort(-(probes @ gallery[kept].T), axis=1)[:, :10]
    assert_array_equal(rows, kept[best])
    assert scores.shape == (3, 10)


def test_k_shrinks_to_the_rows_kept():
    gallery = unit_rows(4, 16, 4)
    keep = np.array([True, False, True, False])
    _, rows = nearest(gallery, gallery[:1], 10, keep=keep)
    assert sorted(rows[0]) == [0, 2]


def test_equal_scores_stand_in_the_order_of_their_rows():
    gallery = np.repeat(unit_rows(1, 16, 5), 6, axis=0)
    assert_array_equal(nearest(gallery, gallery[:1], 6)[1], [[0, 1, 2, 3, 4, 5]])


def test_an_empty_gallery_answers_with_no_hits():
    scores, rows = nearest(np.empty((0, 16), np.float32), unit_rows(2, 16, 6), 3)
    assert scores.shape == rows.shape == (2, 0)
